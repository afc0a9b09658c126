"""Whether the process is alive, whether each part is ready, and the metrics for Prometheus."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Literal

from aiohttp import web
from pydantic import Field

from server.contract.errors import DatabaseUnavailable, MedlensError
from server.web.api.report_shapes import Reply
from server.web.http.keys import DATABASE, METRICS, QUEUE, VERSION, WEIGHTS
from server.web.http.operation import Answer, Operation, operation

# Seconds after which a part that has not answered is not ready.
PART_TIMEOUT_S = 5.0
Check = Callable[[web.Request], Awaitable[str]]


class Health(Reply):
    status: Literal["ok"]
    name: Literal["medlens"] = Field(description="identifies the service at this address")
    version: str


class PartHealth(Reply):
    ok: bool
    detail: str


class Readiness(Reply):
    ready: bool
    parts: dict[str, PartHealth]


@operation(Operation(summary="The process is alive", tag="service", access="loopback", answers={200: Answer("alive", Health)}))
async def healthz(request: web.Request) -> web.StreamResponse:
    return web.json_response({"status": "ok", "name": "medlens", "version": VERSION})


async def _database(request: web.Request) -> str:
    await request.app[DATABASE].ready()
    return "answers"


async def _migrations(request: web.Request) -> str:
    if not await request.app[DATABASE].is_current():
        raise DatabaseUnavailable("the tables are of another version; run `medlens db upgrade`")
    return "up to date"


async def _worker(request: web.Request) -> str:
    """Raises MedlensError if no worker has a recent heartbeat: scans would wait."""
    if not (alive := await request.app[QUEUE].workers()):
        raise MedlensError("no worker is running; `medlens worker` starts one")
    return f"{alive} running"


async def _weights(request: web.Request) -> str:
    return await asyncio.to_thread(request.app[WEIGHTS])


PARTS: dict[str, Check] = {"database": _database, "migrations": _migrations, "worker": _worker, "weights": _weights}


async def _ask(check: Check, request: web.Request) -> dict[str, object]:
    try:
        async with asyncio.timeout(PART_TIMEOUT_S):
            return {"ok": True, "detail": await check(request)}
    except MedlensError as error:
        return {"ok": False, "detail": str(error)}
    except TimeoutError:
        return {"ok": False, "detail": f"did not answer within {PART_TIMEOUT_S:g} s"}


async def parts(request: web.Request) -> dict[str, dict[str, object]]:
    """Each part by name: `ok`, and `detail` in words."""
    answers = await asyncio.gather(*(_ask(check, request) for check in PARTS.values()))
    return dict(zip(PARTS, answers, strict=True))


@operation(
    Operation(
        summary="Whether each part is ready",
        tag="service",
        access="loopback",
        answers={200: Answer("all parts are ready", Readiness), 503: Answer("some part is not", Readiness)},
    )
)
async def readyz(request: web.Request) -> web.StreamResponse:
    states = await parts(request)
    ready = all(part["ok"] for part in states.values())
    return web.json_response({"ready": ready, "parts": states}, status=200 if ready else 503)


@operation(
    Operation(
        summary="Metrics for Prometheus",
        tag="service",
        access="loopback",
        answers={200: Answer("text exposition", content_type="text/plain")},
        problems=(DatabaseUnavailable,),
    )
)
async def metrics(request: web.Request) -> web.StreamResponse:
    gauges = request.app[METRICS]
    gauges.workers.set(await request.app[QUEUE].workers())
    gauges.waiting.set(await request.app[QUEUE].waiting())
    body, content_type = gauges.text()
    return web.Response(body=body, headers={"Content-Type": content_type})
