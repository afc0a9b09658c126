"""The kinds of files by their first bytes, so that the dashboard leaves out the other files of a folder before it sends any."""

from __future__ import annotations

from aiohttp import web

from server.contract.errors import RequestError, UnknownKind
from server.contract.records import SourceKind
from server.web.api.answers import FileKinds
from server.web.api.shapes import FileHeads
from server.web.http.operation import Answer, Operation, body_of, operation
from server.web.http.uploads import file_name, upload_kind


@operation(
    Operation(
        summary="The kinds of files by their first bytes",
        tag="scans",
        access="caller",
        rate="read",
        body=FileHeads,
        answers={200: Answer("a kind for each file", FileKinds)},
        problems=(RequestError,),
    )
)
async def kinds_of(request: web.Request) -> web.StreamResponse:
    heads = await body_of(request, FileHeads)
    return web.json_response({"kinds": [_kind(one.head, file_name(one.name)) for one in heads.files]})


def _kind(head: bytes, name: str) -> SourceKind | None:
    try:
        return upload_kind(head, name)
    except UnknownKind:
        return None
