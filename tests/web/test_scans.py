"""Asking for scans by their address: every refusal by its code, what is written down when there is none, and taking it back."""

from __future__ import annotations

from uuid import UUID

import pytest
from aiohttp import web

from server.contract.errors import NotFound
from server.store import scans
from server.store.database import Database
from server.web.api.answers import ScanAccepted
from server.web.api.report_shapes import ReportShape
from server.web.api.shapes import MAX_MEMBERS, MAX_TEXT
from server.web.http.keys import QUEUE
from server.web.http.limits import MAX_JSON_BYTES
from tests.judged import judged
from tests.web.conftest import Client, refusal, scanned

pytestmark = pytest.mark.usefixtures("public")
NOWHERE = "5b3e6a0e-0000-4000-8000-000000000000"


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


async def test_the_report_is_the_contracts(client: Client, kept: Database) -> None:
    scan_id = await scanned(kept, judged("a"), judged("b", "non_medical", uncertain=True), judged("c", near="a"))
    answer = await client.get(f"/api/scans/{scan_id}")
    report = ReportShape.model_validate_json(await answer.text())
    assert (report.status, report.source.title, report.counts.unique, report.counts.medical) == ("done", "A page", 2, 1)
    assert [image.near_duplicate_of for image in report.images][:2] == [None, None]
    assert sum(report.images[0].verdict.probabilities.values()) == pytest.approx(1)


async def test_a_deleted_scan_is_not_found_and_its_verdicts_stay_cached(client: Client, kept: Database) -> None:
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
