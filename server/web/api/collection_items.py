"""The items of a collection: added, listed, moved, removed and put back."""

from __future__ import annotations

from aiohttp import web
from pydantic import Field

from server.contract.errors import NotFound, RequestError
from server.contract.report import moment_json
from server.store import collected, collections
from server.store import collection_items as store
from server.store.columns import SHA256_HEX
from server.store.deletion import UNDO
from server.web.api.answers import ItemsAdded, ItemsPage, ItemsRemoved, ItemsRestored
from server.web.api.exports import json_row
from server.web.api.history import entry_json, in_zone
from server.web.api.shapes import MAX_PAGE, CollectionItems, ItemMove, ItemsGone, Restore
from server.web.http.ids import collection_id_of
from server.web.http.keys import DATABASE
from server.web.http.operation import Answer, Operation, Shape, body_of, operation, query_of


class ItemsQuery(Shape):
    after: int = Field(0, ge=0, description="`next` of the page before")


@operation(
    Operation(
        summary="The images of a collection in order, page by page, and on the first page its scans",
        tag="collections",
        access="caller",
        rate="read",
        query=ItemsQuery,
        answers={200: Answer("one page; `next` continues it", ItemsPage)},
    )
)
async def items(request: web.Request) -> web.StreamResponse:
    database, set_id, after = request.app[DATABASE], collection_id_of(request), query_of(request, ItemsQuery).after
    await collections.collection(database, set_id)
    images = await collected.images(database, set_id, after=after, limit=MAX_PAGE)
    scans = [] if after else await collected.scan_items(database, set_id)
    return web.json_response(
        {
            "images": [{"item": one.item, **json_row(one.row)} for one in images],
            "scans": [{"item": one.item, **entry_json(one.entry)} for one in scans],
            "next": images[-1].position if len(images) == MAX_PAGE else None,
        }
    )


@operation(
    Operation(
        summary=f"Add scans and images; a collection has {store.MAX_ITEMS} at most",
        tag="collections",
        access="caller",
        rate="read",
        body=CollectionItems,
        answers={200: Answer("added", ItemsAdded)},
        problems=(NotFound, RequestError),
    )
)
async def add(request: web.Request) -> web.StreamResponse:
    set_id, wanted = collection_id_of(request), await body_of(request, CollectionItems)
    if not all(SHA256_HEX.fullmatch(sha256) for sha256 in wanted.images):
        raise RequestError("images: an image is named by its SHA-256, 64 lower-case hex digits")
    added = await store.add(request.app[DATABASE], set_id, wanted.scans, wanted.images, wanted.scan)
    return web.json_response({"added": len(added.items), "already": added.already, "items": list(added.items)})


@operation(
    Operation(
        summary="Remove items; the scans and images stay. `undo` puts the items back for a minute",
        tag="collections",
        access="caller",
        rate="read",
        body=ItemsGone,
        answers={200: Answer("removed", ItemsRemoved)},
        problems=(RequestError,),
    )
)
async def remove(request: web.Request) -> web.StreamResponse:
    set_id, wanted = collection_id_of(request), await body_of(request, ItemsGone)
    removed = await store.remove(request.app[DATABASE], set_id, wanted.items)
    seconds = int(UNDO.total_seconds())
    return web.json_response({"count": removed.count, "undo": moment_json(removed.moment), "undo_seconds": seconds})


@operation(
    Operation(
        summary="Put back what one request removed, within a minute",
        tag="collections",
        access="caller",
        rate="read",
        body=Restore,
        answers={200: Answer("put back where they were", ItemsRestored)},
        problems=(NotFound,),
    )
)
async def put_back(request: web.Request) -> web.StreamResponse:
    set_id, wanted = collection_id_of(request), await body_of(request, Restore)
    count = await store.put_back(request.app[DATABASE], set_id, in_zone(wanted.undo) or wanted.undo)
    if not count:
        raise NotFound("it is too late to put these items back")
    return web.json_response({"count": count})


@operation(
    Operation(
        summary="Move an item before another one, or to the end",
        tag="collections",
        access="caller",
        rate="read",
        body=ItemMove,
        answers={204: Answer("moved", content_type=None)},
        problems=(NotFound, RequestError),
    )
)
async def move(request: web.Request) -> web.StreamResponse:
    set_id, wanted = collection_id_of(request), await body_of(request, ItemMove)
    await store.move(request.app[DATABASE], set_id, wanted.item, wanted.before)
    return web.Response(status=204)
