"""Deletes what is stored and no longer used; shows first how much that is. Only a signed-in person may delete."""

from __future__ import annotations

import asyncio
from dataclasses import asdict

from aiohttp import web
from pydantic import BaseModel

from server.contract.errors import Forbidden
from server.store import storage
from server.web.api.weights import judging
from server.web.http.auth import session_of
from server.web.http.keys import DATABASE, SETTINGS
from server.web.http.operation import Answer, Operation, operation


class CleanUp(BaseModel):
    scans: int
    events: int
    thumbnails: int
    thumbnail_bytes: int
    heatmaps: int
    heatmap_bytes: int
    images: int


async def version_in_use(request: web.Request) -> str | None:
    return (await asyncio.to_thread(judging, request.app[SETTINGS])).version


@operation(
    Operation(
        summary="What a clean-up would delete",
        tag="service",
        access="caller",
        rate="read",
        answers={200: Answer("counts and bytes", CleanUp)},
    )
)
async def unused(request: web.Request) -> web.StreamResponse:
    return web.json_response(asdict(await storage.find_unused(request.app[DATABASE], await version_in_use(request))))


@operation(
    Operation(
        summary="Delete what is no longer used",
        tag="service",
        access="caller",
        rate="login",
        answers={200: Answer("what was deleted", CleanUp)},
        problems=(Forbidden,),
    )
)
async def clean_up(request: web.Request) -> web.StreamResponse:
    session_of(request)
    days = request.app[SETTINGS].retention_days
    return web.json_response(asdict(await storage.remove_unused(request.app[DATABASE], await version_in_use(request), days)))
