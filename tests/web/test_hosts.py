"""Host, Origin and the headers of every answer: what keeps other sites' pages out."""

from __future__ import annotations

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer

from server.web.http.hosts import EXTENSION, HEADERS, host_allowed
from tests.web.conftest import Client, signed_in

CHROME = "chrome-extension://abcdefghijklmnopabcdefghijklmnop"
FIREFOX = "moz-extension://0a1b2c3d-0000-4000-8000-0123456789ab"
LOCAL = ("127.0.0.1", "localhost", "[::1]")


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("127.0.0.1:8765", True),
        ("127.0.0.1", True),
        ("LOCALHOST:8765", True),
        ("[::1]:8765", True),
        ("[::1]", True),
        ("127.0.0.1:9999", False),
        ("127.0.0.1.evil.example:8765", False),
        ("evil.example", False),
        ("localhost.", False),
        ("localhost:", False),
        ("localhost:8765:8765", False),
        ("::1", False),
        ("user@localhost", False),
        ("", False),
    ],
)
def test_only_names_of_ours_on_our_port(host: str, allowed: bool) -> None:
    assert host_allowed(host, LOCAL, 8765) is allowed


def test_an_entry_with_a_port_stands_for_that_port_alone() -> None:
    assert host_allowed("medlens.example:443", ("medlens.example:443",), 8765)
    assert not host_allowed("medlens.example", ("medlens.example:443",), 8765)
    assert not host_allowed("medlens.example:8765", ("medlens.example:443",), 8765)


@pytest.mark.parametrize("path", ["/", "/healthz", "/api/scans", "/static/css/base.css", "/login", "/nowhere"])
async def test_a_rebound_name_gets_nothing(client: Client, path: str) -> None:
    answer = await client.get(path, headers={"Host": f"evil.example:{client.server.port}"})
    assert answer.status == 403
    assert (await answer.json())["code"] == "forbidden"


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1:1", "http://localhost", CHROME + "x", "file://"]
)
async def test_another_sites_origin_changes_nothing(client: Client, origin: str) -> None:
    answer = await client.post("/api/scans", json={"url": "https://example.org"}, headers={"Origin": origin})
    assert answer.status == 403
    assert answer.content_type == "application/problem+json"


@pytest.mark.parametrize("origin", [CHROME, FIREFOX, None])
async def test_an_extension_or_a_program_passes_with_the_token(client: Client, origin: str | None) -> None:
    headers = {"Origin": origin} if origin else {}
    answer = await client.post("/api/scans", json={"url": "nonsense"}, headers=headers)
    assert (await answer.json())["code"] == "not_a_url"  # it came as far as being read


async def test_our_own_page_passes_with_its_session(server: TestServer, session: ClientSession) -> None:
    page = await signed_in(server, session)
    answer = await page.post("/api/scans", json={"url": "nonsense"}, headers={"Origin": page.base})
    assert (await answer.json())["code"] == "not_a_url"


@pytest.mark.parametrize("origin", [CHROME, FIREFOX, None])
async def test_a_session_alone_is_not_enough_for_an_extension_or_without_origin(
    server: TestServer, session: ClientSession, origin: str | None
) -> None:
    page = await signed_in(server, session)
    headers = {"Origin": origin} if origin else {}
    answer = await page.post("/api/scans", json={"url": "https://example.org"}, headers=headers)
    assert answer.status == 403


def test_extensions_are_known_by_their_exact_form() -> None:
    assert EXTENSION.fullmatch(CHROME)
    assert EXTENSION.fullmatch(FIREFOX)
    for wrong in ("chrome-extension://evil", CHROME + ".evil.example", "moz-extension://0a1b", "https://" + CHROME):
        assert not EXTENSION.fullmatch(wrong)


@pytest.mark.parametrize("path", ["/login", "/healthz", "/api/scans", "/static/css/base.css", "/nowhere", "/api/docs"])
async def test_every_answer_carries_the_headers(client: Client, path: str) -> None:
    answer = await client.get(path)
    for name, value in HEADERS.items():
        assert answer.headers[name] == value
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert "Server" not in answer.headers


@pytest.mark.parametrize("origin", [CHROME, "https://evil.example"])
async def test_no_cors_header_is_ever_sent(client: Client, origin: str) -> None:
    for method in ("GET", "OPTIONS"):
        answer = await client.ask(method, "/api/scans", headers={"Origin": origin, "Access-Control-Request-Method": "POST"})
        assert not [name for name in answer.headers if name.lower().startswith("access-control-")]
