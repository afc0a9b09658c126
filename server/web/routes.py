"""The table of routes: the whole surface on one screen. What each promises stands beside its handler."""

from __future__ import annotations

from aiohttp import web

from server.web import (
    archive,
    deletion,
    docs,
    events,
    exports,
    health,
    history,
    image_page,
    images,
    live,
    login,
    pages,
    pairing,
    scan_page,
    scans,
)
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
    web.get("/api/export.csv", exports.export_csv, allow_head=False),
    web.get("/api/export.json", exports.export_json, allow_head=False),
    web.get("/api/stats", exports.stats, allow_head=False),
    web.get("/api/openapi.json", docs.openapi_json, allow_head=False),
    web.get("/api/docs", docs.docs_page, allow_head=False),
    web.get("/healthz", health.healthz),
    web.get("/readyz", health.readyz),
    web.get("/metrics", health.metrics, allow_head=False),
    web.get("/", pages.home),
    web.get("/new", pages.new),
    web.get("/scans/{id}", scan_page.scan),
    web.get("/images/{sha256}", image_page.image),
    web.get("/login", login.login_page),
    web.post("/login", login.login),
    web.post("/logout", login.logout),
    web.get("/pair", pairing.pair_page),
    web.post("/pair", pairing.pair),
    web.static("/static", STATIC),
)
