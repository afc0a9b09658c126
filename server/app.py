"""The composition root of the web process: opens each resource once, in order, and adds the routes.

The web process has neither a browser nor models: it accepts scans, passes them to workers through Postgres, and shows the results.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from importlib import import_module

from aiohttp import web

from server.charts.press import Press
from server.jobs.queue import Queue
from server.settings import Settings
from server.source.guard import Guard
from server.store.database import Database
from server.store.events import EventHub
from server.web.http.hosts import set_headers
from server.web.http.keys import (
    CHARTS,
    DATABASE,
    EVENTS,
    GUARD,
    LIMITER,
    METRICS,
    QUEUE,
    SETTINGS,
    STREAMS,
    TOKEN,
    UPLOADS,
    WEIGHTS,
)
from server.web.http.limits import MAX_JSON_BYTES, UPLOADS_AT_ONCE, Limiter
from server.web.http.metrics import Metrics
from server.web.http.middleware import MIDDLEWARES
from server.web.http.token import Token
from server.web.routes import ROUTES


def create_app(settings: Settings) -> web.Application:
    """Create the application. Resources are opened when it starts. Raises SettingsError when no token can be read or made."""
    app = web.Application(middlewares=MIDDLEWARES, client_max_size=MAX_JSON_BYTES)
    app[SETTINGS] = settings
    app[TOKEN] = Token(settings)
    app[GUARD] = Guard(settings)
    app[LIMITER] = Limiter()
    app[METRICS] = Metrics()
    app[STREAMS] = set()
    app[UPLOADS] = asyncio.Semaphore(UPLOADS_AT_ONCE)
    app[WEIGHTS] = lambda: weights_present(settings)
    app.cleanup_ctx.extend((_database, _queue, _events, _charts))
    app.on_response_prepare.append(set_headers)
    app.on_shutdown.append(_end_streams)
    app.add_routes(ROUTES)
    return app


def weights_present(settings: Settings) -> str:
    """Names of the members whose weights are present.

    Raises SettingsError for unknown members, WeightsMissing for absent weights.
    """
    members = import_module("server.models.members")  # imports numpy and more, which the web process needs for nothing else
    kinds = members.kinds(settings)
    for kind in kinds:
        members.require(kind)
    return ", ".join(kind.name for kind in kinds)


async def _database(app: web.Application) -> AsyncIterator[None]:
    async with Database(app[SETTINGS]) as database:
        await database.migrate()
        app[DATABASE] = database
        yield


async def _queue(app: web.Application) -> AsyncIterator[None]:
    async with Queue(app[DATABASE]) as queue:
        app[QUEUE] = queue
        yield


async def _events(app: web.Application) -> AsyncIterator[None]:
    async with EventHub(app[DATABASE]) as hub:
        app[EVENTS] = hub
        yield


async def _charts(app: web.Application) -> AsyncIterator[None]:
    async with Press() as press:  # starts its process for the first chart
        app[CHARTS] = press
        yield


async def _end_streams(app: web.Application) -> None:
    """End the event streams, which would stay open until their scans end; browsers reconnect by themselves."""
    streams = app[STREAMS]
    for task in list(streams):
        task.cancel()
