"""Asking for scans: every refusal by its code, and what is written down when there is none."""

from __future__ import annotations

import asyncio
from uuid import UUID

import aiohttp
import pytest
from aiohttp import FormData, web

from server.errors import NotFound, TooManyRequests
from server.source.guard import Guard
from server.store import scans, uploads
from server.store.database import Database
from server.web.answers import ReportShape, ScanAccepted
from server.web.keys import GUARD, LIMITER, QUEUE, SETTINGS, UPLOADS
from server.web.limits import MAX_FIELD_BYTES, MAX_FILE_NAME, MAX_FILES, MAX_JSON_BYTES, RATES, UPLOADS_AT_ONCE, Limiter, Rate
from server.web.shapes import MAX_MEMBERS, MAX_TEXT
from server.web.uploads import file_name
from tests.judged import judged
from tests.site import picture
from tests.web.conftest import Client, scanned

PROBLEM = "application/problem+json"
PDF = b"%PDF-1.7\n%%EOF\n"
NOWHERE = "5b3e6a0e-0000-4000-8000-000000000000"


@pytest.fixture(autouse=True)
def public(app: web.Application, monkeypatch: pytest.MonkeyPatch) -> None:
    """example.org is a public host here, and unknown.example none, without asking a name server."""

    async def resolve(host: str, port: int) -> list[str]:
        if host == "unknown.example":
            raise OSError("no such host")
        return {"example.org": ["93.184.215.14"], "inside.example": ["93.184.215.14", "10.0.0.1"]}.get(host, [host])

    monkeypatch.setitem(app._state, GUARD, Guard(app[SETTINGS], resolve))


async def refusal(answer: aiohttp.ClientResponse) -> tuple[int, str]:
    assert answer.content_type == PROBLEM
    problem = await answer.json()
    assert problem["status"] == answer.status
    assert problem["type"].endswith(problem["code"])
    assert problem["detail"]
    return answer.status, problem["code"]


async def test_an_address_becomes_a_scan_on_the_queue(client: Client, app: web.Application, kept: Database) -> None:
    answer = await client.post("/api/scans", json={"url": " example.org/a#b ", "options": {"no_cache": True, "members": ["cnn"]}})
    assert answer.status == 202
    told = ScanAccepted.model_validate_json(await answer.text())
    assert told.report == f"/api/scans/{told.id}" == answer.headers["Location"]
    assert told.events == f"/api/scans/{told.id}/events"
    assert await app[QUEUE].waiting() == 1
    asked = await scans.start(kept, told.id)
    assert asked is not None
    assert (asked.kind, asked.target, asked.url) == ("page", "example.org/a#b", "https://example.org/a")
    assert asked.options == {"no_cache": True, "members": ["cnn"]}


@pytest.mark.parametrize(
    ("url", "status", "code"),
    [
        ("nonsense", 400, "not_a_url"),
        ("", 400, "not_a_url"),
        ("https://", 400, "not_a_url"),
        ("https://example.org/" + "a" * 9000, 400, "not_a_url"),
        ("file:///etc/passwd", 400, "scheme_not_allowed"),
        ("ftp://example.org/a", 400, "scheme_not_allowed"),
        ("javascript:alert(1)", 400, "scheme_not_allowed"),
        ("data:text/html,hi", 400, "scheme_not_allowed"),
        ("http://127.0.0.1/", 403, "address_not_allowed"),
        ("http://10.1.2.3/", 403, "address_not_allowed"),
        ("http://[::1]:8765/", 403, "address_not_allowed"),
        ("http://169.254.169.254/latest/meta-data", 403, "address_not_allowed"),
        ("https://inside.example/", 403, "address_not_allowed"),
    ],
)
async def test_what_cannot_be_scanned_is_refused_up_front(
    client: Client, app: web.Application, url: str, status: int, code: str
) -> None:
    assert await refusal(await client.post("/api/scans", json={"url": url})) == (status, code)
    assert await app[QUEUE].waiting() == 0


async def test_an_unknown_host_is_the_reports_to_tell(client: Client) -> None:
    answer = await client.post("/api/scans", json={"url": "https://unknown.example/"})
    assert answer.status == 202


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"url": 5},
        {"url": None},
        {"url": ["https://example.org"]},
        {"url": "x" * (MAX_TEXT + 1)},
        {"url": "https://example.org", "surprise": 1},
        {"url": "https://example.org", "options": {"no_cahce": True}},
        {"url": "https://example.org", "options": {"members": []}},
        {"url": "https://example.org", "options": {"members": ["cnn", "cnn"]}},
        {"url": "https://example.org", "options": {"members": ["nobody"]}},
        {"url": "https://example.org", "options": {"members": [f"m{n}" for n in range(MAX_MEMBERS + 1)]}},
        [],
        "text",
        5,
    ],
)
async def test_a_body_of_another_shape_is_refused(client: Client, body: object) -> None:
    assert await refusal(await client.post("/api/scans", json=body)) == (400, "bad_request")


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe", b'{"url": NaN', b"[" * 20_000])
async def test_what_is_no_json_is_refused(client: Client, data: bytes) -> None:
    answer = await client.post("/api/scans", data=data, headers={"Content-Type": "application/json"})
    assert await refusal(answer) == (400, "bad_request")


async def test_another_content_type_is_refused(client: Client) -> None:
    answer = await client.post("/api/scans", data=b"url=x", headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert await refusal(answer) == (400, "bad_request")


async def test_a_body_over_the_limit_is_refused(client: Client) -> None:
    assert await refusal(await client.post("/api/scans", json={"url": "x" * MAX_JSON_BYTES})) == (413, "too_large")


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
    ("name", "data", "kind"), [("x", PDF, "pdf"), ("x.pdf", picture("JPEG"), "image"), ("x", bytes(128) + b"DICM", "dicom")]
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


async def test_too_many_scans_at_once_are_told_when_to_come_back(
    client: Client, app: web.Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app._state, LIMITER, Limiter(RATES | {"scan": Rate(burst=2, per_second=0.1)}))
    for _ in range(2):
        assert (await client.post("/api/scans", json={"url": "https://example.org"})).status == 202
    answer = await client.post("/api/scans", json={"url": "https://example.org"})
    assert await refusal(answer) == (429, "too_many_requests")
    assert 1 <= int(answer.headers["Retry-After"]) <= 10
    assert (await client.get("/api/scans")).status == 200  # looking is counted apart


async def test_a_full_queue_takes_no_more(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.web.scans.MAX_QUEUED", 1)
    assert (await client.post("/api/scans", json={"url": "https://example.org"})).status == 202
    answer = await client.post("/api/scans", json={"url": "https://example.org"})
    assert await refusal(answer) == (429, "too_many_requests")
    assert int(answer.headers["Retry-After"]) > 0


async def test_more_uploads_at_once_wait_outside(client: Client, app: web.Application) -> None:
    held = app[UPLOADS]
    for _ in range(UPLOADS_AT_ONCE):
        await held.acquire()
    try:
        assert await refusal(await client.post("/api/scans", data=form(("a.png", picture())))) == (429, "too_many_requests")
    finally:
        for _ in range(UPLOADS_AT_ONCE):
            held.release()


async def test_the_report_is_the_contracts(client: Client, kept: Database) -> None:
    scan_id = await scanned(kept, judged("a"), judged("b", "non_medical", uncertain=True), judged("c", near="a"))
    answer = await client.get(f"/api/scans/{scan_id}")
    report = ReportShape.model_validate_json(await answer.text())
    assert (report.status, report.source.title, report.counts.unique, report.counts.medical) == ("done", "A page", 2, 1)
    assert [image.near_duplicate_of for image in report.images][:2] == [None, None]
    assert sum(report.images[0].verdict.probabilities.values()) == pytest.approx(1)


async def test_a_forgotten_scan_is_gone_and_its_verdicts_stay(client: Client, kept: Database) -> None:
    scan_id = await scanned(kept, judged("a"))
    assert (await client.ask("DELETE", f"/api/scans/{scan_id}")).status == 204
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/cancel"), ("GET", "/events")):
        assert await refusal(await client.ask(method, f"/api/scans/{scan_id}{path}")) == (404, "not_found")
    assert (await client.get(f"/api/images/{judged('a').image.sha256}")).status == 200


async def test_a_waiting_scan_is_stopped_at_once(client: Client, kept: Database, app: web.Application) -> None:
    scan_id = (await (await client.post("/api/scans", json={"url": "https://example.org"})).json())["id"]
    answer = await client.post(f"/api/scans/{scan_id}/cancel")
    assert answer.status == 202
    assert await scans.status_of(kept, UUID(scan_id)) == "cancelled"
    assert await app[QUEUE].waiting() == 0
    assert (await client.post(f"/api/scans/{scan_id}/cancel")).status == 202  # harmless


async def test_forgetting_a_waiting_scan_takes_it_off_the_queue(client: Client, kept: Database, app: web.Application) -> None:
    scan_id = (await (await client.post("/api/scans", json={"url": "https://example.org"})).json())["id"]
    assert (await client.ask("DELETE", f"/api/scans/{scan_id}")).status == 204
    assert await app[QUEUE].waiting() == 0
    with pytest.raises(NotFound):
        await scans.status_of(kept, UUID(scan_id))


@pytest.mark.parametrize("method", ["PUT", "PATCH", "POST"])
async def test_other_methods_are_refused(client: Client, method: str) -> None:
    answer = await client.ask(method, f"/api/scans/{NOWHERE}")
    assert await refusal(answer) == (405, "method_not_allowed")
    assert "GET" in answer.headers["Allow"]


def test_a_bucket_fills_again_with_time() -> None:
    now = [0.0]
    limiter = Limiter({"read": Rate(burst=2, per_second=0.5)}, clock=lambda: now[0])
    limiter.take("read", "me")
    limiter.take("read", "me")
    limiter.take("read", "another")
    with pytest.raises(TooManyRequests) as refused:
        limiter.take("read", "me")
    assert refused.value.retry_after == 2
    now[0] = 2.0
    limiter.take("read", "me")


def test_callers_are_not_remembered_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.web.limits.MAX_BUCKETS", 3)
    limiter = Limiter({"read": Rate(burst=1, per_second=0.1)})
    for name in "abcde":
        limiter.take("read", name)
    assert len(limiter._buckets) == 3
