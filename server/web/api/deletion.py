"""Deletes several scans, or all, in one request, and restores them within a minute. DELETE in scans.py deletes one."""

from __future__ import annotations

from aiohttp import web

from server.contract.errors import NotFound, RequestError
from server.contract.report import moment_json
from server.store import deletion
from server.web.api.answers import ScansForgotten, ScansRestored
from server.web.api.history import in_zone
from server.web.api.shapes import Forget, Restore
from server.web.http.keys import DATABASE, QUEUE
from server.web.http.operation import Answer, Operation, body_of, operation


@operation(
    Operation(
        summary="Delete several scans, or all; running ones are stopped. `undo` restores them for a minute",
        tag="scans",
        access="caller",
        rate="read",
        body=Forget,
        answers={200: Answer("deleted", ScansForgotten)},
        problems=(RequestError,),
    )
)
async def forget_many(request: web.Request) -> web.StreamResponse:
    wanted = await body_of(request, Forget)
    if wanted.everything == bool(wanted.ids):
        raise RequestError("give either `ids` or `everything`")
    deleted = await deletion.delete_scans(request.app[DATABASE], None if wanted.everything else wanted.ids)
    for scan_id in deleted.running:
        await request.app[QUEUE].cancel(scan_id)
    seconds = int(deletion.UNDO.total_seconds())
    return web.json_response({"count": deleted.count, "undo": moment_json(deleted.moment), "undo_seconds": seconds})


@operation(
    Operation(
        summary="Restore what one request deleted, within a minute",
        tag="scans",
        access="caller",
        rate="read",
        body=Restore,
        answers={200: Answer("restored; those that were running stay stopped", ScansRestored)},
        problems=(NotFound,),
    )
)
async def restore(request: web.Request) -> web.StreamResponse:
    wanted = await body_of(request, Restore)
    count = await deletion.restore(request.app[DATABASE], in_zone(wanted.undo) or wanted.undo)
    if not count:
        raise NotFound("it is too late to restore these scans")
    return web.json_response({"count": count})
