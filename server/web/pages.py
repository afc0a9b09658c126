"""The dashboard's pages: history and start, one scan, one image. Views of records for the templates; no SQL, no markup."""

from __future__ import annotations

from collections import Counter
from typing import Any
from urllib.parse import urlencode, urlsplit

from aiohttp import web

from server.records import FINISHED, MODALITIES, JudgedImage, Report, Verdict
from server.store import history, scans, sightings
from server.web.contract import HTML, Answer, Operation, operation, query_of
from server.web.history import filters_of
from server.web.ids import scan_id_of, sha256_of
from server.web.images import has_thumbnail
from server.web.keys import DATABASE
from server.web.shapes import HistoryQuery
from server.web.templating import page
from server.web.texts import MODALITY_NAMES, SKIP_NAMES, TEXTS

ROWS = 30
PAGE = Answer("a page", content_type=HTML)


def link(address: str | None) -> str | None:
    """`address` if a click may go there: http and https only, whatever a document wrote into it."""
    try:
        return address if address and urlsplit(address).scheme in {"http", "https"} else None
    except ValueError:
        return None


def name_of(title: str | None, target: str) -> str:
    return (title or "").strip() or target


def candidates(verdict: Verdict) -> str:
    """The two likeliest, which an uncertain verdict shows instead of one."""
    first, second = sorted(MODALITIES, key=lambda name: -verdict.probabilities[name])[:2]
    between: str = TEXTS.between
    return between.format(a=MODALITY_NAMES[first], b=MODALITY_NAMES[second])


def image_view(judged: JudgedImage, copies: int = 0, *, thumbnail: bool = True) -> dict[str, Any]:
    image = judged.image
    return {
        "sha256": image.sha256,
        "width": image.width,
        "height": image.height,
        "format": image.format,
        "bytes": image.size,
        "alt": next((place.alt for place in image.places if place.alt), ""),
        "places": image.places,
        "copies": copies,
        "thumbnail": thumbnail,
        "verdict": judged.verdict,
        "candidates": candidates(judged.verdict),
    }


def gallery_of(report: Report) -> list[dict[str, Any]]:
    """The images in page order, near duplicates folded into their original."""
    copies = Counter(judged.image.near_duplicate_of for judged in report.images)
    return [image_view(judged, copies[judged.image.sha256]) for judged in report.images if judged.image.near_duplicate_of is None]


@operation(
    Operation(
        summary="The dashboard: start a scan, and the history", tag="pages", access="page", query=HistoryQuery, answers={200: PAGE}
    )
)
async def home(request: web.Request) -> web.StreamResponse:
    query = query_of(request, HistoryQuery)
    found = await history.page(request.app[DATABASE], filters_of(query), limit=ROWS, cursor=query.cursor)
    rows = [
        {
            "id": entry.id,
            "name": name_of(entry.title, entry.target),
            "kind": entry.kind,
            "host": entry.host,
            "status": entry.status,
            "created_at": entry.created_at,
            "unique": entry.unique,
            "medical": entry.medical,
            "by_modality": entry.by_modality,
            "previews": entry.previews,
        }
        for entry in found.entries
    ]
    kept = {name: value for name, value in request.query.items() if value and name != "cursor"}
    older = f"/?{urlencode({**kept, 'cursor': found.next})}" if found.next else None
    return page(request, "home.html", query=query, scans=rows, older=older, filtered=bool(kept) or query.cursor is not None)


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
