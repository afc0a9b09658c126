"""The dashboard's pages: the history, one scan, one image. No SQL, no markup."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from server.records import FINISHED, MODALITIES, Report
from server.store import history, scans, sightings
from server.web.contract import HTML, Answer, Operation, operation, query_of
from server.web.history import filters_of, in_zone
from server.web.ids import scan_id_of, sha256_of
from server.web.images import has_thumbnail
from server.web.keys import DATABASE, SETTINGS
from server.web.shapes import HistoryQuery
from server.web.templating import page
from server.web.texts import SKIP_NAMES
from server.web.views import image_view, link, name_of, row_view

ROWS = 30
DAY_ONLY = re.compile(r"\d{4}-\d{2}-\d{2}")
FAR = datetime(9999, 1, 1, tzinfo=UTC)  # a day more would be past the calendar
PAGE = Answer("a page", content_type=HTML)


def gallery_of(report: Report) -> list[dict[str, Any]]:
    """The images in page order, near duplicates folded into their original."""
    copies = Counter(judged.image.near_duplicate_of for judged in report.images)
    return [image_view(judged, copies[judged.image.sha256]) for judged in report.images if judged.image.near_duplicate_of is None]


@operation(Operation(summary="The dashboard: the history", tag="pages", access="page", query=HistoryQuery, answers={200: PAGE}))
async def home(request: web.Request) -> web.StreamResponse:
    query = query_of(request, HistoryQuery)
    query = query.model_copy(update={"until": in_zone(query.until)})
    if query.until and query.until < FAR and DAY_ONLY.fullmatch(request.query["to"]):  # a person's last day is meant whole
        query = query.model_copy(update={"until": query.until + timedelta(days=1)})
    found = await history.page(request.app[DATABASE], filters_of(query), limit=ROWS, cursor=query.cursor)
    kept = {name: value for name, value in request.query.items() if value and name != "cursor"}
    narrowed = {name: value for name, value in kept.items() if name != "limit"}
    exact = narrowed | ({"to": query.until.isoformat()} if query.until else {})
    return page(
        request,
        "home.html",
        query=query,
        days=[told if DAY_ONLY.fullmatch(told := kept.get(name, "")) else "" for name in ("from", "to")],
        scans=[row_view(entry) for entry in found.entries],
        older=f"/?{urlencode({**kept, 'cursor': found.next})}" if found.next else None,
        newest=f"/?{urlencode(kept)}" if query.cursor else None,
        narrowed=len(narrowed),
        live=f"/api/scans/live?{urlencode(exact | ({'cursor': query.cursor} if query.cursor else {}) | {'limit': ROWS})}",
        export=urlencode(exact),
        days_kept=request.app[SETTINGS].retention_days,
    )


@operation(Operation(summary="The page that starts scans", tag="pages", access="page", answers={200: PAGE}))
async def new(request: web.Request) -> web.StreamResponse:
    return page(request, "new.html")


@operation(Operation(summary="One scan, live while it runs", tag="pages", access="page", answers={200: PAGE}))
async def scan(request: web.Request) -> web.StreamResponse:
    report = await scans.report(request.app[DATABASE], scan_id_of(request))
    gallery = gallery_of(report)
    counts: Counter[str] = Counter(image["verdict"].modality for image in gallery)
    counts["medical"] = sum(image["verdict"].is_medical for image in gallery)
    counts["uncertain"] = sum(image["verdict"].uncertain for image in gallery)
    view = {
        "id": report.id,
        "name": name_of(report.title, report.target),
        "kind": report.kind,
        "status": report.status,
        "finished": report.status in FINISHED,
        "link": link(report.target),
        "error": report.error,
        "created_at": report.created_at,
        "model_version": report.model_version,
    }
    return page(
        request,
        "scan.html",
        scan=view,
        images=gallery,
        counts=counts,
        skipped=[(SKIP_NAMES[reason], n) for reason, n in report.skipped.items()],
        timings=list(report.timings_ms.items()),
    )


@operation(
    Operation(summary="One image: why it is what it is, and where it was seen", tag="pages", access="page", answers={200: PAGE})
)
async def image(request: web.Request) -> web.StreamResponse:
    database, sha256 = request.app[DATABASE], sha256_of(request)
    judged = await sightings.image(database, sha256)
    seen, _ = await sightings.sightings(database, sha256)
    members = []
    for name, said in judged.verdict.members.items():
        favourite = max(MODALITIES, key=lambda modality: said[modality])
        members.append((name, favourite, said[favourite]))
    alts = (place.alt for one in seen for place in one.places if place.alt)
    view = image_view(judged, thumbnail=await has_thumbnail(request, sha256)) | {"alt": next(alts, "")}
    return page(
        request,
        "image.html",
        image=view,
        verdict=judged.verdict,
        members=members,
        panels=judged.panels,
        seen=[
            {"id": one.scan_id, "name": name_of(one.title, one.target), "created_at": one.created_at, "places": one.places}
            for one in seen
        ],
    )
