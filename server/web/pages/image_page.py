"""The page of one image: its verdict with the reasons, and where it was found. A scan's page shows the same in a dialog."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from aiohttp import web
from pydantic import Field

from server.contract.modalities import MODALITIES
from server.contract.records import Box, JudgedImage, Place, SourceKind
from server.contract.verdict import Verdict, likeliest
from server.contract.words import answer_of, why
from server.store import sightings, tags, thumbnails
from server.store.sightings import MOST_COUNTED
from server.store.tags import Marked
from server.web.files.names import image_name, name_of
from server.web.http.ids import sha256_of
from server.web.http.keys import DATABASE
from server.web.http.operation import HTML, Answer, Operation, Shape, operation, query_of
from server.web.http.page import page
from server.web.pages.neighbours import Neighbours, in_collection, in_scan
from server.web.pages.original import original_of
from server.web.pages.views import image_view, link, verdict_view
from server.web.texts.catalogue import current

# Scans listed on one page; the cursor leads to more.
LISTED = 12
# Least size of a page: A4 in points, and the browser window in CSS pixels. The store has no page sizes.
LEAST: dict[SourceKind, tuple[float, float]] = {"pdf": (595.0, 842.0), "page": (1366.0, 1000.0)}


class ImageQuery(Shape):
    scan: UUID | None = Field(None, description="the scan to list first")
    collection: UUID | None = Field(None, description="the collection that it was opened from")
    alone: bool = Field(False, description="without the way to the images before and after it")
    cursor: str | None = Field(None, max_length=200, description="`next` of the scans before")


@dataclass(frozen=True, slots=True)
class Spot:
    """Where an image is on its page, in the page's unit; the page is at least `width` x `height`."""

    width: float
    height: float
    x: float
    y: float
    box_width: float
    box_height: float


def spot_of(kind: SourceKind, place: Place, reach: tuple[float, float]) -> Spot | None:
    """`reach`: how far the images of that page extend. None if the place has no box, or its kind has no pages."""
    if kind not in LEAST or not place.box or place.box[2] <= 0 or place.box[3] <= 0:
        return None
    least_width, least_height = LEAST[kind]
    x, y, width, height = place.box
    return Spot(max(least_width, reach[0]), max(least_height, reach[1]), x, y, width, height)


@dataclass(frozen=True, slots=True)
class PanelView:
    """A panel for the page; `decides`: its verdict is the figure's."""

    box: Box
    verdict: Verdict
    words: Mapping[str, Any]
    decides: bool


def panel_views(judged: JudgedImage) -> list[PanelView]:
    decisive = next((panel for panel in judged.panels if panel.verdict.probabilities == judged.verdict.probabilities), None)
    return [PanelView(panel.box, panel.verdict, verdict_view(panel.verdict), panel is decisive) for panel in judged.panels]


def predictions(verdict: Verdict) -> list[dict[str, Any]]:
    """For each member its likeliest modality, the probability of that, and all probabilities."""
    return [
        {"name": name, "says": likeliest(shares), "share": max(shares.values()), "shares": {one: shares[one] for one in MODALITIES}}
        for name, shares in verdict.members.items()
    ]


@operation(
    Operation(
        summary="One image: its verdict with the reasons, and where it was found",
        tag="pages",
        access="page",
        query=ImageQuery,
        answers={200: Answer("a page", content_type=HTML)},
    )
)
async def image(request: web.Request) -> web.StreamResponse:
    database, sha256, query = request.app[DATABASE], sha256_of(request), query_of(request, ImageQuery)
    judged = await sightings.image(database, sha256, query.scan)
    seen, older = await sightings.sightings(database, sha256, limit=LISTED, cursor=query.cursor)
    reach = await sightings.extents(database, [one.scan_id for one in seen])
    times = (await sightings.scan_counts(database, [sha256])).get(sha256, 0)
    alts = (place.alt for one in seen for place in one.places if place.alt)
    around: Neighbours | None = None
    if query.collection and not query.alone:
        around = await in_collection(database, query.collection, sha256)
    elif query.scan and not query.alone:
        around = await in_scan(database, query.scan, sha256)
    kept = bool(await thumbnails.kept(database, [sha256]))
    listed = [
        {
            "id": one.scan_id,
            "name": name_of(one.title, one.target),
            "kind": one.kind,
            "created_at": one.created_at,
            "original": original_of(one.kind, one.url, next(iter(one.places), None), one.context),
            "context": one.context if one.scan_id != query.scan else None,  # its context is shown beside the verdict
            "places": [
                {
                    "place": place,
                    "link": link(place.url),
                    "spot": spot_of(one.kind, place, reach.get((one.scan_id, place.page), (0, 0))),
                }
                for place in one.places
            ],
        }
        for one in sorted(seen, key=lambda one: one.scan_id != query.scan)
    ]
    return page(
        request,
        "image.html",
        image=image_view(judged, thumbnail=kept) | {"alt": next(alts, "")},
        verdict=judged.verdict,
        members=predictions(judged.verdict),
        why=why(judged.verdict, judged.panels, current().words),
        overruled=judged.verdict.corrected and answer_of(judged.verdict.probabilities) != judged.verdict.modality,
        panels=panel_views(judged),
        name=image_name((place for one in seen for place in one.places), sha256),
        around=around,
        marks=await tags.read(database, Marked(sha256=sha256)),
        own=f"/images/{sha256}" + (f"?scan={query.scan}" if query.scan else ""),
        seen=listed,
        scan=query.scan,
        times=f"{MOST_COUNTED - 1}+" if times >= MOST_COUNTED else str(times),
        older=f"/images/{sha256}?cursor={older}" if older else None,
    )
