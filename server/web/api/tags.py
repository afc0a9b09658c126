"""Tags and the note of a scan or an image: read and replaced; and the tags there are."""

from __future__ import annotations

from aiohttp import web
from pydantic import Field

from server.contract.errors import NotFound, RequestError
from server.store import tags
from server.store.named_sets import NAME_CHARS
from server.store.tags import Marked, TagsAndNote
from server.web.api.answers import TagList, TagsAndNoteShape
from server.web.api.shapes import Note, Tags
from server.web.http.ids import scan_id_of, sha256_of
from server.web.http.keys import DATABASE
from server.web.http.operation import Answer, Operation, Shape, body_of, operation, query_of


class TagQuery(Shape):
    q: str = Field("", max_length=NAME_CHARS, description="tags in which a word begins so")


def marked_of(request: web.Request) -> Marked:
    """What the address names: a scan or an image."""
    return Marked(sha256=sha256_of(request)) if "sha256" in request.match_info else Marked(scan_id=scan_id_of(request))


def answer(found: TagsAndNote) -> web.Response:
    return web.json_response({"tags": list(found.tags), "note": found.note})


READ, KEPT = Answer("tags and note", TagsAndNoteShape), Answer("tags and note now", TagsAndNoteShape)


@operation(
    Operation(
        summary="Tags in alphabetical order, with how many scans and images carry each",
        tag="tags",
        access="caller",
        rate="read",
        query=TagQuery,
        answers={200: Answer(f"the first {tags.SUGGESTED}", TagList)},
    )
)
async def suggest(request: web.Request) -> web.StreamResponse:
    found = await tags.suggestions(request.app[DATABASE], query_of(request, TagQuery).q)
    return web.json_response(
        {"tags": [{"id": str(one.id), "name": one.name, "scans": one.scans, "images": one.images} for one in found]}
    )


@operation(Operation(summary="Tags and note", tag="tags", access="caller", rate="read", answers={200: READ}, problems=(NotFound,)))
async def read(request: web.Request) -> web.StreamResponse:
    return answer(await tags.read(request.app[DATABASE], marked_of(request)))


@operation(
    Operation(
        summary=f"Replace the tags: {tags.MAX_TAGS} at most, of {NAME_CHARS} characters at most",
        tag="tags",
        access="caller",
        rate="read",
        body=Tags,
        answers={200: KEPT},
        problems=(NotFound, RequestError),
    )
)
async def set_tags(request: web.Request) -> web.StreamResponse:
    marked, wanted = marked_of(request), await body_of(request, Tags)
    if marked.sha256:
        marked = Marked(sha256=marked.sha256, found_in=wanted.scan)
    return answer(await tags.set_tags(request.app[DATABASE], marked, wanted.tags))


@operation(
    Operation(
        summary="Replace the note; an empty one removes it",
        tag="tags",
        access="caller",
        rate="read",
        body=Note,
        answers={200: KEPT},
        problems=(NotFound, RequestError),
    )
)
async def set_note(request: web.Request) -> web.StreamResponse:
    wanted = await body_of(request, Note)
    return answer(await tags.set_note(request.app[DATABASE], marked_of(request), wanted.note))
