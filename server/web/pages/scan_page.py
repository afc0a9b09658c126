"""The page of one scan: its medical images first, near duplicates folded, and the changes since the scan before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Set
from typing import Any

from aiohttp import web

from server.contract.records import FINISHED, STAGES, Report
from server.contract.skip_words import SKIP_WORDS
from server.contract.verdict import Verdict
from server.store import changes, scans, sightings, tags, thumbnails
from server.store.changes import Changes
from server.store.tags import Marked
from server.web.files.names import name_of
from server.web.http.ids import scan_id_of
from server.web.http.keys import DATABASE
from server.web.http.operation import HTML, Answer, Operation, operation
from server.web.http.page import page
from server.web.pages.views import contradicted, image_view, link

# Images shown for each kind of change. A redesigned page has hundreds; the gallery's filter shows them all.
STRIP = 48


def gallery_of(report: Report, kept: Set[str], seen: Mapping[str, int], new: Set[str]) -> list[dict[str, Any]]:
    """The images, each followed by its near duplicates: by rank, and within a rank in page order.

    `at`: its number in page order.
    """
    copies: dict[str, list[dict[str, Any]]] = {}
    originals = []
    for judged in report.images:
        image, original = judged.image, judged.image.near_duplicate_of
        view = image_view(judged, thumbnail=image.sha256 in kept) | {
            "copy_of": original,
            "copies": 0,
            "seen": seen.get(image.sha256, 0),
            "new": image.sha256 in new,
        }
        if original is None:
            originals.append(view)
        else:
            copies.setdefault(original, []).append(view)
    gallery = []
    for view in originals:
        folded = copies.pop(view["sha256"], [])
        gallery += [view | {"copies": len(folded)}, *folded]
    gallery += [view | {"copy_of": None} for rest in copies.values() for view in rest]
    ranks = {view["sha256"]: rank_of(view["verdict"]) for view in gallery}
    numbered = [view | {"at": at} for at, view in enumerate(gallery)]
    return sorted(numbered, key=lambda view: ranks[view["copy_of"] or view["sha256"]])


def rank_of(verdict: Verdict) -> int:
    """0: medical, or probably so; 1: probably not; 2: surely not, and folded away. static/rest.js has the same rule."""
    return 0 if verdict.is_medical else 2 if verdict.sure else 1


def counts_of(gallery: list[dict[str, Any]]) -> Counter[str]:
    """How many images each filter shows, without near duplicates; a figure counts for every modality that it contains."""
    shown = [image for image in gallery if image["copy_of"] is None]
    counts: Counter[str] = Counter(name for image in shown for name in {image["verdict"].modality, *image["verdict"].contains})
    counts[""] = len(shown)
    counts["medical"] = sum(image["verdict"].is_medical for image in shown)
    counts["uncertain"] = sum(image["verdict"].uncertain for image in shown)
    counts["context"] = sum(contradicted(image["verdict"]) for image in shown)
    counts["disagree"] = sum(not (image["verdict"].agree or image["verdict"].corrected) for image in shown)
    counts["corrected"] = sum(image["verdict"].corrected for image in shown)
    counts["new"] = sum(image["new"] for image in shown)
    return counts


@operation(
    Operation(
        summary="One scan, live while it runs",
        tag="pages",
        access="page",
        answers={200: Answer("a page", content_type=HTML)},
    )
)
async def scan(request: web.Request) -> web.StreamResponse:
    database = request.app[DATABASE]
    report = await scans.report(database, scan_id_of(request))
    shas = [one.image.sha256 for one in report.images]
    kept = await thumbnails.kept(database, shas)
    seen = await sightings.scan_counts(database, shas)
    since: Changes | None = None
    if report.status in {"done", "partial"}:
        since = await changes.since_previous_scan(database, report.id, report.model_version, report.images)
    gallery = gallery_of(report, kept, seen, since.new if since else frozenset())
    view = {
        "id": report.id,
        "name": name_of(report.title, report.target),
        "kind": report.kind,
        "status": report.status,
        "finished": report.status in FINISHED,
        "link": link(report.target),
        "target": report.target,
        "error": report.error,
        "notices": [notice for notice in report.notices if notice != report.error],
        "lost": report.status in {"failed", "partial"},
        "created_at": report.created_at,
        "model_version": report.model_version,
    }
    return page(
        request,
        "scan.html",
        scan=view,
        of_scan=report.id,
        images=gallery,
        counts=counts_of(gallery),
        since=since,
        marks=await tags.read(database, Marked(scan_id=report.id)),
        strip=STRIP,
        by_sha={image["sha256"]: image for image in gallery},
        skipped=[(SKIP_WORDS[reason], n) for reason, n in report.skipped.items()],
        timings=[(stage, report.timings_ms[stage]) for stage in STAGES if report.timings_ms.get(stage)],
    )
