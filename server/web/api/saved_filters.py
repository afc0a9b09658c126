"""Filters of the history that are saved under a name: listed, saved, renamed, deleted."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode

from aiohttp import web

from server.contract.errors import NameTaken, NotFound, RequestError
from server.store import saved_filters as store
from server.store.saved_filters import SavedFilter
from server.web.api.answers import SavedFilterList, SavedFilterShape
from server.web.api.shapes import HomeQuery, NewFilter, NewName
from server.web.http.ids import filter_id_of
from server.web.http.keys import DATABASE
from server.web.http.operation import Answer, Operation, body_of, operation, query_from

PAGED = ("cursor", "limit")  # the place in a list is no part of its filter


def saved_json(one: SavedFilter) -> dict[str, Any]:
    return {"id": str(one.id), "name": one.name, "query": one.query}


def saved_query(text: str) -> str:
    """The parameters of an address of the history in their stored form. Raises RequestError for those that it has not."""
    pairs = [(name, value) for name, value in parse_qsl(text.removeprefix("?")) if name not in PAGED]
    query_from(pairs, HomeQuery)
    return urlencode(sorted(pairs))


@operation(
    Operation(
        summary="The saved filters, by name",
        tag="history",
        access="caller",
        rate="read",
        answers={200: Answer("all of them", SavedFilterList)},
    )
)
async def list_filters(request: web.Request) -> web.StreamResponse:
    return web.json_response({"filters": [saved_json(one) for one in await store.every(request.app[DATABASE])]})


@operation(
    Operation(
        summary=f"Save a filter of the history under a name; there are {store.MAX_SAVED_FILTERS} at most",
        tag="history",
        access="caller",
        rate="read",
        body=NewFilter,
        answers={201: Answer("the saved filter", SavedFilterShape)},
        problems=(NameTaken, RequestError),
    )
)
async def save(request: web.Request) -> web.StreamResponse:
    wanted = await body_of(request, NewFilter)
    saved = await store.save(request.app[DATABASE], wanted.name, saved_query(wanted.query))
    return web.json_response(saved_json(saved), status=201)


@operation(
    Operation(
        summary="Rename a saved filter",
        tag="history",
        access="caller",
        rate="read",
        body=NewName,
        answers={200: Answer("the saved filter now", SavedFilterShape)},
        problems=(NotFound, NameTaken, RequestError),
    )
)
async def rename(request: web.Request) -> web.StreamResponse:
    filter_id, wanted = filter_id_of(request), await body_of(request, NewName)
    return web.json_response(saved_json(await store.rename(request.app[DATABASE], filter_id, wanted.name)))


@operation(
    Operation(
        summary="Delete a saved filter",
        tag="history",
        access="caller",
        rate="read",
        answers={200: Answer("what was deleted; saving it again restores it", SavedFilterShape)},
        problems=(NotFound,),
    )
)
async def delete(request: web.Request) -> web.StreamResponse:
    return web.json_response(saved_json(await store.remove(request.app[DATABASE], filter_id_of(request))))
