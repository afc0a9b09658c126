"""The table of routes: the whole surface on one screen. What each promises stands beside its handler."""

from __future__ import annotations

from aiohttp import web

from server.web.api import archive, deletion, docs, events, exports, health, history, images, live, scans
from server.web.pages import corrections, figures_page, history_page, image_page, login, pairing, review, scan_page, settings_page
from server.web.templating import STATIC

ROUTES = (
    web.post("/api/scans", scans.create),
    web.get("/api/scans", history.list_scans, allow_head=False),
    web.post("/api/scans/forget", deletion.forget_many),
    web.post("/api/scans/restore", deletion.restore),
    web.get("/api/scans/live", live.live, allow_head=False),
    web.get("/api/scans/lookup", history.lookup, allow_head=False),
    web.get("/api/scans/{id}", scans.read, allow_head=False),
    web.delete("/api/scans/{id}", scans.forget),
    web.post("/api/scans/{id}/cancel", scans.cancel),
    web.get("/api/scans/{id}/export.csv", exports.scan_csv, allow_head=False),
    web.get("/api/scans/{id}/export.zip", archive.scan_zip, allow_head=False),
    web.get("/api/scans/{id}/events", events.events, allow_head=False),
    web.get("/api/images/{sha256}", images.image, allow_head=False),
    web.get("/api/images/{sha256}/thumbnail", images.thumbnail, allow_head=False),
    web.get("/api/images/{sha256}/heatmap", images.heatmap, allow_head=False),
    web.post("/api/images/{sha256}/feedback", images.correct),
    web.delete("/api/images/{sha256}/feedback", images.undo_correction),
    web.get("/api/review", review.next_questions, allow_head=False),
    web.post("/api/review/{sha256}/skip", review.skip),
    web.delete("/api/review/{sha256}/skip", review.unskip),
    web.get("/api/corrections.csv", corrections.corrections_csv, allow_head=False),
    web.get("/api/corrections.zip", corrections.corrections_zip, allow_head=False),
    web.get("/api/clean-up", settings_page.look, allow_head=False),
    web.post("/api/clean-up", settings_page.sweep),
    web.get("/api/export.csv", exports.export_csv, allow_head=False),
    web.get("/api/export.json", exports.export_json, allow_head=False),
    web.get("/api/stats", exports.stats, allow_head=False),
    web.get("/api/openapi.json", docs.openapi_json, allow_head=False),
    web.get("/api/docs", docs.docs_page, allow_head=False),
    web.get("/healthz", health.healthz),
    web.get("/readyz", health.readyz),
    web.get("/metrics", health.metrics, allow_head=False),
    web.get("/", history_page.home),
    web.get("/rows", history_page.rows),
    web.get("/new", history_page.new),
    web.get("/scans/{id}", scan_page.scan),
    web.get("/images/{sha256}", image_page.image),
    web.get("/figures", figures_page.figures_page),
    web.get("/figures/{chart:[a-z]+}.svg", figures_page.chart_svg, allow_head=False),
    web.get("/figures/{chart:[a-z]+}.png", figures_page.chart_png, allow_head=False),
    web.get("/figures/{chart:[a-z]+}.csv", figures_page.chart_csv, allow_head=False),
    web.get("/review", review.review_page),
    web.get("/corrections", corrections.corrections_page),
    web.get("/settings", settings_page.settings_page),
    web.post("/settings/token", settings_page.rotate_token),
    web.post("/settings/revoke", settings_page.revoke),
    web.get("/login", login.login_page),
    web.post("/login", login.login),
    web.post("/logout", login.logout),
    web.get("/pair", pairing.pair_page),
    web.post("/pair", pairing.pair),
    web.static("/static", STATIC),
)
