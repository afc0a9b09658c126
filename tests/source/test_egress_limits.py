"""The limits of the proxy: bytes in both directions, connections, silence."""

from __future__ import annotations

import asyncio
import contextlib
import io

import aiohttp
import pytest

from server.source import connection, egress
from server.source.egress import EgressProxy
from tests.site import Site
from tests.source.conftest import MARK, MAX_BYTES, codes, raw


@pytest.mark.parametrize("path", ["/huge", "/endless"])
async def test_an_answer_over_the_limit_is_cut(path: str, proxy: EgressProxy, site: Site, client: aiohttp.ClientSession) -> None:
    try:
        async with client.get(site.url(path), proxy=proxy.url) as answer:
            assert answer.status == (413 if path == "/huge" else 200)
            await answer.read()
            assert path == "/huge"
    except aiohttp.ClientPayloadError:
        assert path == "/endless"
    assert codes(proxy) == [("127.0.0.1", "too_large")]
    assert proxy.received < MAX_BYTES + 5 * connection.CHUNK_BYTES


async def test_a_tunnel_over_the_limit_is_cut(proxy: EgressProxy, site: Site) -> None:
    request = f"CONNECT 127.0.0.1:{site.port} HTTP/1.1\r\nHost: a\r\n\r\nGET /endless HTTP/1.1\r\nHost: a\r\n\r\n"
    with pytest.raises(ConnectionResetError):
        await raw(proxy, request.encode())
    assert codes(proxy) == [("127.0.0.1", "too_large")]
    assert proxy.received < MAX_BYTES * egress.CONNECTION_DOWNLOADS + 2 * connection.CHUNK_BYTES


async def test_a_scan_over_the_limit_is_cut(proxy: EgressProxy, site: Site, client: aiohttp.ClientSession) -> None:
    url = site.add("/big", b"x" * (MAX_BYTES - 10_000), "image/png")
    complete = 0
    with contextlib.suppress(aiohttp.ClientPayloadError):
        for _ in range(egress.SCAN_DOWNLOADS + 1):
            async with client.get(url, proxy=proxy.url) as answer:
                await answer.read()
                complete += answer.status == 200
    assert complete == egress.SCAN_DOWNLOADS
    assert "in all" in proxy.refusals[0].message


async def test_a_page_cannot_send_without_end(
    proxy: EgressProxy, site: Site, client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(egress, "MAX_UPLOAD_BYTES", 100_000)

    async def swallow(request: aiohttp.web.Request) -> aiohttp.web.StreamResponse:
        async for _ in request.content.iter_any():
            pass
        return aiohttp.web.Response()

    url = site.add_handler("/swallow", swallow)
    with pytest.raises(aiohttp.ClientError):
        async with client.post(url, data=io.BytesIO(b"x" * 2_000_000), proxy=proxy.url) as answer:
            answer.raise_for_status()
    assert codes(proxy) == [("127.0.0.1", "too_large")]


async def test_too_many_connections(proxy: EgressProxy, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(egress, "MAX_CONNECTIONS", 2)
    port = int(proxy.url.rpartition(":")[2])
    held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
    said = await raw(proxy, f"GET {site.url('/404')} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    assert said.startswith(b"HTTP/1.1 429")
    assert codes(proxy) == [("127.0.0.1", "too_many_requests")]
    for _, writer in held:
        writer.close()


async def test_a_silent_server_times_out(
    proxy: EgressProxy, site: Site, client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "IDLE_TIMEOUT_S", 0.2)
    async with client.get(site.url("/slow"), proxy=proxy.url) as answer:
        assert (answer.status, answer.headers[MARK]) == (504, "timed_out")
    with pytest.raises(aiohttp.ClientError):
        async with client.get(site.url("/stalled"), proxy=proxy.url) as answer:
            await answer.read()
    assert {code for _, code in codes(proxy)} == {"timed_out"}


async def test_an_idle_tunnel_ends(proxy: EgressProxy, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.source.connection.IDLE_TIMEOUT_S", 0.2)
    said = await raw(proxy, f"CONNECT 127.0.0.1:{site.port} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    assert said.startswith(b"HTTP/1.1 200")
