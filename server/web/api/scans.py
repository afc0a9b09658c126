"""Scans: started, read, stopped, deleted. A target that cannot be scanned is refused before anything is stored.

A worker runs the scan; these handlers put it on the queue and read what is stored.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import UUID

from aiohttp import web
from yarl import URL

from server.contract.errors import (
    AddressNotAllowed,
    FetchError,
    NotAUrl,
    NotFound,
    RequestError,
    SchemeNotAllowed,
    TooLarge,
    TooManyRequests,
    UnknownKind,
)
from server.contract.records import FINISHED, SourceKind
from server.contract.report import report_json
from server.kinds.registry import kind_by_name
from server.source.address import normalise, refuse_login
from server.source.guard import Guard
from server.store import scans
from server.store.deletion import delete_scans
from server.web.api.answers import ScanAccepted
from server.web.api.report_shapes import ReportShape
from server.web.api.shapes import NewScan, ScanOptions
from server.web.http.caller import caller_of
from server.web.http.ids import scan_id_of
from server.web.http.keys import DATABASE, GUARD, QUEUE, SETTINGS, UPLOADS
from server.web.http.limits import MAX_QUEUED, QUEUE_RETRY_S, UPLOAD_RETRY_S
from server.web.http.operation import Answer, Operation, body_of, operation
from server.web.http.uploads import MULTIPART, SHAPE, read_files

# Seconds for which the request waits for a name server; a slower one is left to the worker, which has more time.
RESOLVE_S = 3.0
MAX_TARGET = 400


@operation(
    Operation(
        summary="Scan a page, a PDF, an image or a DICOM file: by address, or as files",
        tag="scans",
        access="caller",
        rate="scan",
        body=NewScan,
        other_bodies={MULTIPART: SHAPE},
        answers={202: Answer("accepted; a worker runs it", ScanAccepted)},
        problems=(NotAUrl, SchemeNotAllowed, AddressNotAllowed, TooLarge, UnknownKind),
    )
)
async def create(request: web.Request) -> web.StreamResponse:
    if await request.app[QUEUE].waiting() >= MAX_QUEUED:
        raise TooManyRequests(f"{MAX_QUEUED} scans are waiting already", QUEUE_RETRY_S)
    made = await (_from_files(request) if request.content_type == MULTIPART else _from_address(request))
    caller = caller_of(request)
    await request.app[QUEUE].enqueue(made, f"{caller.kind} {caller.name}")
    accepted = accepted_json(made)
    return web.json_response(accepted, status=202, headers={"Location": accepted["report"]})


def accepted_json(scan_id: UUID) -> dict[str, str]:
    return {"id": str(scan_id), "report": f"/api/scans/{scan_id}", "events": f"/api/scans/{scan_id}/events"}


async def _from_address(request: web.Request) -> UUID:
    wanted = await body_of(request, NewScan)
    refuse_login(wanted.url)
    url = normalise(wanted.url)
    await _refuse_denied(request.app[GUARD], url)
    # The first bytes will tell the kind; until then, the kind that the name suggests.
    kind: SourceKind = kind_by_name(URL(url, encoded=True).path) or "page"
    return await scans.create(
        request.app[DATABASE], kind=kind, target=wanted.url.strip(), url=url, options=_options(request, wanted.options)
    )


async def _from_files(request: web.Request) -> UUID:
    uploads = request.app[UPLOADS]
    if uploads.locked():
        raise TooManyRequests("other files are still being uploaded", UPLOAD_RETRY_S)
    async with uploads:
        files, options = await read_files(request, request.app[SETTINGS], ScanOptions)
        names = ", ".join(file.name for file in files)
        return await scans.create(
            request.app[DATABASE],
            kind=files[0].kind if len(files) == 1 else "folder",
            target=names[:MAX_TARGET],
            title=names[:MAX_TARGET] if len(files) == 1 else f"{len(files)} files: {names}"[:MAX_TARGET],
            options=_options(request, options),
            files=[(file.name, file.data) for file in files],
        )


def _options(request: web.Request, options: ScanOptions) -> dict[str, Any]:
    known = request.app[SETTINGS].members
    if unknown := [name for name in options.members or () if name not in known]:
        raise RequestError(f"there is no model {unknown[0][:40]!r}; MEDLENS_MEMBERS has {', '.join(known)}")
    return options.model_dump(mode="json", exclude_none=True)


async def _refuse_denied(guard: Guard, url: str) -> None:
    """Raises AddressNotAllowed now rather than in the Report. A host that cannot be resolved is left to the Report."""
    parsed = URL(url, encoded=True)
    try:
        async with asyncio.timeout(RESOLVE_S):
            await guard.resolve(parsed.raw_host or "", parsed.port or 443)
    except (FetchError, TimeoutError):
        return


@operation(
    Operation(
        summary="The Report so far", tag="scans", access="caller", rate="read", answers={200: Answer("the Report", ReportShape)}
    )
)
async def read(request: web.Request) -> web.StreamResponse:
    report = await scans.report(request.app[DATABASE], scan_id_of(request))
    text = json.dumps(report_json(report), ensure_ascii=False)
    return web.Response(text=text, content_type="application/json")


@operation(
    Operation(
        summary="Delete a scan; a running one is stopped. The verdicts of its images stay cached",
        tag="scans",
        access="caller",
        rate="read",
        answers={204: Answer("deleted", content_type=None)},
    )
)
async def forget(request: web.Request) -> web.StreamResponse:
    scan_id, database = scan_id_of(request), request.app[DATABASE]
    if await scans.status_of(database, scan_id) not in FINISHED:
        await request.app[QUEUE].cancel(scan_id)
    if not (await delete_scans(database, [scan_id])).count:
        raise NotFound("there is no such scan")
    return web.Response(status=204)


@operation(
    Operation(
        summary="Stop a scan; what was found so far is kept. Without effect if it has ended",
        tag="scans",
        access="caller",
        rate="read",
        answers={202: Answer("stopping; the event `done` follows", ScanAccepted)},
    )
)
async def cancel(request: web.Request) -> web.StreamResponse:
    scan_id = scan_id_of(request)
    if await scans.status_of(request.app[DATABASE], scan_id) not in FINISHED:
        await request.app[QUEUE].cancel(scan_id)
    return web.json_response(accepted_json(scan_id), status=202)
