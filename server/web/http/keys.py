"""The typed keys of the application's resources, which create_app opens and handlers use."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib.metadata import version

from aiohttp import web

from server.charts.press import Press
from server.jobs.queue import Queue
from server.settings import Settings
from server.source.guard import Guard
from server.store.database import Database
from server.store.events import EventHub
from server.web.http.limits import Limiter
from server.web.http.metrics import Metrics
from server.web.http.token import Token

VERSION = version("medlens")

SETTINGS = web.AppKey("SETTINGS", Settings)
DATABASE = web.AppKey("DATABASE", Database)
GUARD = web.AppKey("GUARD", Guard)
TOKEN = web.AppKey("TOKEN", Token)
LIMITER = web.AppKey("LIMITER", Limiter)
QUEUE = web.AppKey("QUEUE", Queue)
EVENTS = web.AppKey("EVENTS", EventHub)
CHARTS = web.AppKey("CHARTS", Press)
METRICS = web.AppKey("METRICS", Metrics)
# Tasks of open event streams; they are cancelled when the server stops.
STREAMS = web.AppKey("STREAMS", set[asyncio.Task[None]])
# Bounds how many uploads are read at once.
UPLOADS = web.AppKey("UPLOADS", asyncio.Semaphore)
# Names the members whose weights are present; raises WeightsMissing or SettingsError.
WEIGHTS: web.AppKey[Callable[[], str]] = web.AppKey("WEIGHTS")
