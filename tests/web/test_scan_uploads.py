"""Asking for scans of files: which are taken, under which name, and every refusal by its code."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from aiohttp import FormData, web

from server.store import scans, uploads
from server.store.database import Database
from server.web.http.keys import QUEUE, SETTINGS, UPLOADS
from server.web.http.limits import MAX_FIELD_BYTES, MAX_FILE_NAME, MAX_FILES, UPLOADS_AT_ONCE
from server.web.http.uploads import file_name
from tests.extract.packed import zipped
from tests.extract.test_document import deck
from tests.extract.test_slide import slide
from tests.site import picture
from tests.web.conftest import Client, refusal

PDF = b"%PDF-1.7\n%%EOF\n"


def form(*files: tuple[str, bytes], **fields: str) -> FormData:
    made = FormData(quote_fields=False)
    for name, value in fields.items():
        made.add_field(name, value)
    for name, data in files:
        made.add_field("files", data, filename=name)
    return made


async def test_files_become_a_scan(client: Client, kept: Database) -> None:
    files = [("a.png", picture()), ("../../b.pdf", PDF)]
    answer = await client.post("/api/scans", data=form(*files, options='{"no_cache": true}'))
    assert answer.status == 202
    scan_id = UUID((await answer.json())["id"])
    assert [(one.name, one.data) for one in await uploads.load(kept, scan_id)] == [("a.png", files[0][1]), ("b.pdf", PDF)]
    asked = await scans.start(kept, scan_id)
    assert asked is not None
    assert (asked.kind, asked.target, asked.options) == ("folder", "a.png, b.pdf", {"no_cache": True})


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("x", PDF, "pdf"),
        ("x.pdf", picture("JPEG"), "image"),
        ("x", bytes(128) + b"DICM", "dicom"),
        ("cd", zipped({"a.png": picture()}), "archive"),
        ("x.pptx", deck(), "document"),
        ("x.svg", b"<svg xmlns='x'/>", "image"),
        ("x.svs", slide(600, 300, 2), "slide"),
    ],
)
async def test_one_file_is_known_by_its_bytes(client: Client, kept: Database, name: str, data: bytes, kind: str) -> None:
    answer = await client.post("/api/scans", data=form((name, data)))
    asked = await scans.start(kept, UUID((await answer.json())["id"]))
    assert asked is not None
    assert asked.kind == kind


@pytest.mark.parametrize(
    ("made", "status", "code"),
    [
        (form(("a.zip", b"PK\x03\x04")), 415, "unknown_kind"),
        (form(("a.txt", b"hello")), 415, "unknown_kind"),
        (form(("empty.png", b"")), 415, "unknown_kind"),
        (form(("page.pdf", b"<!doctype html><html>")), 415, "unknown_kind"),
        (form(("a.png", picture()), ("b.zip", b"PK\x03\x04")), 415, "unknown_kind"),
        (form(("a.png", picture()), options="{"), 400, "bad_request"),
        (form(("a.png", picture()), options='{"x": 1}'), 400, "bad_request"),
        (form(("a.png", picture()), other="1"), 400, "bad_request"),
        (form(("a.png", picture()), options=" " * (MAX_FIELD_BYTES + 1)), 413, "too_large"),
        (form(*[("a.png", picture(size=(8, 8)))] * (MAX_FILES + 1)), 413, "too_large"),
    ],
    ids=range(10),
)
async def test_files_that_cannot_be_scanned_are_refused(
    client: Client, app: web.Application, made: FormData, status: int, code: str
) -> None:
    assert await refusal(await client.post("/api/scans", data=made)) == (status, code)
    assert await app[QUEUE].waiting() == 0


async def test_a_form_without_files_or_without_end_is_refused(client: Client) -> None:
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    for data, headers in (
        (b"--x--\r\n", kind),
        (b"--x\r\nContent-Disposition: form-data; name=files; filename=a.png\r\n\r\n\x89PNG", kind),
        (b"", {"Content-Type": "multipart/form-data"}),
        (b"nothing of the kind", kind),
    ):
        status, _ = await refusal(await client.post("/api/scans", data=data, headers=headers))
        assert status in {400, 415}, data


async def test_files_over_the_limit_are_refused_while_they_come(
    client: Client, app: web.Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = app[SETTINGS].model_copy(update={"max_download_bytes": 300_000})
    monkeypatch.setitem(app._state, SETTINGS, small)
    halves = form(("a.pdf", PDF + bytes(200_000)), ("b.pdf", PDF + bytes(200_000)))  # each fits, both together do not
    assert await refusal(await client.post("/api/scans", data=halves)) == (413, "too_large")

    async def endless() -> object:
        yield b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.pdf"\r\n\r\n' + PDF
        for _ in range(100):
            yield bytes(64_000)

    answer = await client.post("/api/scans", data=endless(), headers={"Content-Type": "multipart/form-data; boundary=x"})
    assert await refusal(answer) == (413, "too_large")
    told = {"Content-Type": "multipart/form-data; boundary=x", "Content-Length": str(10**9)}
    reader, writer = await asyncio.open_connection("127.0.0.1", client.server.port)
    lines = [f"POST /api/scans HTTP/1.1\r\nHost: 127.0.0.1:{client.server.port}\r\nAuthorization: Bearer {client.token}\r\n"]
    writer.write("".join([*lines, *(f"{name}: {value}\r\n" for name, value in told.items()), "\r\n"]).encode())
    assert (await reader.readline()).startswith(b"HTTP/1.1 413")  # told beforehand: nothing of it was read
    writer.close()


def test_names_of_files_are_shown_and_never_paths() -> None:
    assert file_name("C:\\secret\\a.png") == "a.png"
    assert file_name("../../../etc/passwd") == "passwd"
    assert file_name("a\x00\nb\u202e.png") == "ab.png"
    assert file_name("///") == "file"
    assert len(file_name("x" * 1000)) == MAX_FILE_NAME


async def test_more_uploads_at_once_wait_outside(client: Client, app: web.Application) -> None:
    held = app[UPLOADS]
    for _ in range(UPLOADS_AT_ONCE):
        await held.acquire()
    try:
        assert await refusal(await client.post("/api/scans", data=form(("a.png", picture())))) == (429, "too_many_requests")
    finally:
        for _ in range(UPLOADS_AT_ONCE):
            held.release()
