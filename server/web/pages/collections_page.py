"""The list of collections and tags, and the page of one: its scans, its images as a gallery."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from pydantic import Field

from server.store import collected, collections, tags, thumbnails
from server.store.collected import CollectedImage
from server.store.history import MOST
from server.store.named_sets import NAME_CHARS
from server.web.http.ids import collection_id_of
from server.web.http.keys import DATABASE
from server.web.http.operation import HTML, Answer, Operation, Shape, operation, query_of
from server.web.http.page import page
from server.web.pages.scan_page import counts_of
from server.web.pages.views import image_view, row_view

PAGE = 200  # images of one page of a collection: a gallery of more is slow to lay out on a phone


class CollectionsQuery(Shape):
    tag: str | None = Field(None, max_length=NAME_CHARS, description="leads to the page of this tag")


class CollectionQuery(Shape):
    after: int = Field(0, ge=0, description="images behind this position")
    scans_after: int = Field(0, ge=0, description="scans behind this position")


@operation(
    Operation(
        summary="The collections and tags",
        tag="pages",
        access="page",
        query=CollectionsQuery,
        answers={200: Answer("a page", content_type=HTML), 303: Answer("to the page of the tag", content_type=None)},
    )
)
async def collections_page(request: web.Request) -> web.StreamResponse:
    database, wanted = request.app[DATABASE], query_of(request, CollectionsQuery).tag
    if wanted and (found := await tags.tag_id(database, wanted)):
        raise web.HTTPSeeOther(f"/collections/{found}")
    listed = await collections.collections(database)
    previews = [sha256 for one in listed for sha256 in one.previews]
    return page(
        request,
        "collections.html",
        collections=listed,
        tags=await tags.suggestions(database),
        thumbnailed=await thumbnails.kept(database, previews),
    )


def card_view(one: CollectedImage, at: int, thumbnail: bool) -> dict[str, Any]:
    """An image for the gallery, with its item and the scan that it is shown from."""
    view = image_view(one.row.judged, thumbnail=thumbnail)
    return view | {"copy_of": None, "new": False, "at": at, "item": one.item, "found_in": one.row.id}


@operation(
    Operation(
        summary="One collection, or everything that carries a tag",
        tag="pages",
        access="page",
        query=CollectionQuery,
        answers={200: Answer("a page", content_type=HTML)},
    )
)
async def collection_page(request: web.Request) -> web.StreamResponse:
    database, set_id, query = request.app[DATABASE], collection_id_of(request), query_of(request, CollectionQuery)
    one = await collections.collection(database, set_id)
    images = await collected.images(database, set_id, after=query.after, limit=PAGE + 1)
    shown = images[:PAGE]
    scans = [] if query.after else await collected.scan_items(database, set_id, after=query.scans_after)
    kept = await thumbnails.kept(database, [image.row.judged.image.sha256 for image in shown])
    gallery = [card_view(image, at, image.row.judged.image.sha256 in kept) for at, image in enumerate(shown)]
    return page(
        request,
        "collection.html",
        collection=one,
        of_scan=None,
        scans=[{"item": scan.item, "scan": row_view(scan.entry)} for scan in scans],
        images=gallery,
        counts=counts_of(gallery),
        first=bool(query.after or query.scans_after),
        older=f"/collections/{set_id}?after={shown[-1].position}" if len(images) > PAGE else None,
        next_item=images[PAGE].item if len(images) > PAGE else None,
        more_scans=f"/collections/{set_id}?scans_after={scans[-1].position}" if len(scans) == MOST else None,
    )
