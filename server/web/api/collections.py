"""Collections: made, read, changed, deleted and restored. Their items are in collection_items.py."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from server.contract.errors import NameTaken, NotFound, RequestError
from server.contract.report import moment_json
from server.store import collections as store
from server.store.collections import Collection
from server.store.deletion import UNDO
from server.web.api.answers import CollectionDeleted, CollectionList, CollectionShape
from server.web.api.shapes import CollectionChange, NewCollection
from server.web.http.ids import collection_id_of
from server.web.http.keys import DATABASE
from server.web.http.operation import Answer, Operation, body_of, operation


def collection_json(one: Collection) -> dict[str, Any]:
    return {
        "id": str(one.id),
        "kind": one.kind,
        "name": one.name,
        "note": one.note,
        "created_at": moment_json(one.created_at),
        "changed_at": moment_json(one.changed_at),
        "scans": one.scans,
        "images": one.images,
        "previews": list(one.previews),
    }


@operation(
    Operation(
        summary="All collections, the one that changed last first",
        tag="collections",
        access="caller",
        rate="read",
        answers={200: Answer("the collections, without tags", CollectionList)},
    )
)
async def list_collections(request: web.Request) -> web.StreamResponse:
    found = await store.collections(request.app[DATABASE])
    return web.json_response({"collections": [collection_json(one) for one in found]})


@operation(
    Operation(
        summary=f"Make an empty collection; there are {store.MAX_COLLECTIONS} at most",
        tag="collections",
        access="caller",
        rate="read",
        body=NewCollection,
        answers={201: Answer("the collection", CollectionShape)},
        problems=(NameTaken, RequestError),
    )
)
async def create(request: web.Request) -> web.StreamResponse:
    wanted = await body_of(request, NewCollection)
    return web.json_response(collection_json(await store.create(request.app[DATABASE], wanted.name)), status=201)


@operation(
    Operation(
        summary="One collection, or a tag as one",
        tag="collections",
        access="caller",
        rate="read",
        answers={200: Answer("the collection; `items` lists what is in it", CollectionShape)},
    )
)
async def read(request: web.Request) -> web.StreamResponse:
    return web.json_response(collection_json(await store.collection(request.app[DATABASE], collection_id_of(request))))


@operation(
    Operation(
        summary="Rename a collection or a tag, or replace its note",
        tag="collections",
        access="caller",
        rate="read",
        body=CollectionChange,
        answers={200: Answer("the collection now", CollectionShape)},
        problems=(NameTaken, RequestError),
    )
)
async def change(request: web.Request) -> web.StreamResponse:
    set_id, wanted = collection_id_of(request), await body_of(request, CollectionChange)
    changed = await store.change(request.app[DATABASE], set_id, wanted.name, wanted.note)
    return web.json_response(collection_json(changed))


@operation(
    Operation(
        summary="Delete a collection, or a tag everywhere; scans and images stay",
        tag="collections",
        access="caller",
        rate="read",
        answers={200: Answer("deleted; `restore` undoes it", CollectionDeleted)},
    )
)
async def delete(request: web.Request) -> web.StreamResponse:
    await store.delete(request.app[DATABASE], collection_id_of(request))
    return web.json_response({"undo_seconds": int(UNDO.total_seconds())})


@operation(
    Operation(
        summary="Restore a collection or a tag that was deleted, within a minute",
        tag="collections",
        access="caller",
        rate="read",
        answers={200: Answer("the collection", CollectionShape)},
        problems=(NotFound, NameTaken),
    )
)
async def restore(request: web.Request) -> web.StreamResponse:
    return web.json_response(collection_json(await store.restore(request.app[DATABASE], collection_id_of(request))))
