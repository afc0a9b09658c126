"""The middlewares in the order in which each request passes through them, outermost first."""

from __future__ import annotations

import time

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from server.contract.errors import TooLarge
from server.web.http.auth import authenticate
from server.web.http.caller import caller_of, peer_of
from server.web.http.hosts import hosts, origins
from server.web.http.keys import LIMITER, METRICS, SETTINGS
from server.web.http.language import language
from server.web.http.limits import MAX_JSON_BYTES, MIB
from server.web.http.operation import operation_of
from server.web.http.problems import problems
from server.web.http.uploads import MULTIPART

# Seconds above which a request is logged at info. Streams are exempt; they stay open on purpose.
SLOW_S = 1.0

# The status counted when the client went away before the response was complete.
CLIENT_GONE = 499

log = structlog.get_logger(__name__)


def route_of(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "none"


@web.middleware
async def measure(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Outermost: count and time every request, log it at debug, and at info where it was slow."""
    metrics, started = request.app[METRICS], time.perf_counter()
    status = CLIENT_GONE
    streamed = False
    try:
        response = await handler(request)
        status, streamed = response.status, response.content_type == "text/event-stream"
    except web.HTTPException as error:
        status = error.status
        raise
    else:
        return response
    finally:
        took, route = time.perf_counter() - started, route_of(request)
        metrics.requests.labels(request.method, route, str(status)).inc()
        disconnected = status == CLIENT_GONE  # its duration depends on the client; most of these are streams that a browser closed
        if not (streamed or disconnected):
            metrics.seconds.labels(route).observe(took)
        write = log.info if took > SLOW_S and not (streamed or disconnected) else log.debug
        write("request", method=request.method, route=route, status=status, ms=round(took * 1000, 1))


@web.middleware
async def limits(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Apply the rate limit of the route. Static files and the routes for monitoring have none."""
    operation = operation_of(request)
    if operation and operation.rate:
        caller = caller_of(request)
        by_address = operation.rate == "login" or caller.kind == "nobody"
        request.app[LIMITER].take(operation.rate, peer_of(request) if by_address else f"{caller.kind}:{caller.name}")
    return await handler(request)


@web.middleware
async def sizes(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse a body by its Content-Length, before any of it is read. Without that header its bytes are counted as they arrive."""
    operation = operation_of(request)
    takes_files = operation is not None and MULTIPART in operation.other_bodies
    limit = request.app[SETTINGS].max_download_bytes + MIB if takes_files and request.content_type == MULTIPART else MAX_JSON_BYTES
    if (request.content_length or 0) > limit:
        raise TooLarge(f"more than {limit:,} bytes" + ("; MEDLENS_MAX_DOWNLOAD_BYTES sets the limit" if takes_files else ""))
    return await handler(request)


MIDDLEWARES = (
    measure,
    language,
    problems,
    hosts,  # before authentication: an unknown Host learns nothing
    authenticate,
    origins,  # after authentication: an extension's Origin needs a token
    limits,
    sizes,  # last: callers without access are refused first
)
