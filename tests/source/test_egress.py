"""The proxy, driven by a raw socket and by aiohttp against a local site; the browser has a module of its own."""

from __future__ import annotations

import asyncio
import contextlib
import io
import socket
from collections.abc import AsyncIterator

import aiohttp
import pytest

from server.settings import Settings
from server.source import egress, wire
from server.source.egress import EgressProxy
from server.source.guard import Guard
from tests.site import Site, picture
from tests.source.conftest import MAX_BYTES, Names

MARK = "X-Medlens-Refused"


@pytest.fixture
async def proxy(guard: Guard, settings: Settings) -> AsyncIterator[EgressProxy]:
    async with EgressProxy(guard, settings) as running:
        yield running


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def raw(proxy: EgressProxy, request: bytes) -> bytes:
    """Everything the proxy answers to these bytes until it closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(proxy.url.rpartition(":")[2]))
    writer.write(request)
    answer = await reader.read()
    writer.close()
    return answer


def codes(proxy: EgressProxy) -> list[tuple[str, str]]:
    return [(refusal.host, refusal.code) for refusal in proxy.refusals]


async def test_carries_a_page_and_keeps_both_connections(proxy: EgressProxy, site: Site, client: aiohttp.ClientSession) -> None:
    image = picture()
    url = site.add("/a.png", image, "image/png")
    ports = set()

    async def note(request: aiohttp.web.Request) -> aiohttp.web.StreamResponse:
        ports.add(request.transport.get_extra_info("peername")[1])
        return aiohttp.web.Response(body=image)

    site.add_handler("/a.png", note)
    for _ in range(3):
        async with client.get(url, proxy=proxy.url) as answer:
            assert (answer.status, await answer.read()) == (200, image)
    assert len(ports) == 1
    assert site.hits["/a.png"] == 3
    assert proxy.received > 3 * len(image)
    assert proxy.refusals == []


async def test_says_a_request_again_when_the_kept_connection_was_closed(proxy: EgressProxy, names: Names) -> None:
    served = 0

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal served
        await reader.readuntil(b"\r\n\r\n")
        served += 1
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")  # says nothing of closing, and closes
        writer.close()

    server = await asyncio.start_server(once, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    request = f"GET http://127.0.0.1:{port}/ HTTP/1.1\r\nHost: x\r\n".encode()
    async with server:
        answer = await raw(proxy, request + b"\r\n" + request + b"Connection: close\r\n\r\n")
    assert (answer.count(b"200 OK"), served) == (2, 2)


async def test_posts_and_heads(proxy: EgressProxy, site: Site, client: aiohttp.ClientSession) -> None:
    async def echo(request: aiohttp.web.Request) -> aiohttp.web.StreamResponse:
        return aiohttp.web.Response(body=(await request.read())[::-1])

    url = site.add_handler("/echo", echo)

    async def chunks() -> AsyncIterator[bytes]:
        yield b"abc"
        yield b"def"

    async with client.post(url, data=b"abc", proxy=proxy.url) as answer:
        assert await answer.read() == b"cba"
    async with client.post(url, data=chunks(), proxy=proxy.url) as answer:
        assert await answer.read() == b"fedcba"
    async with client.post(url, data=b"abc", expect100=True, proxy=proxy.url) as answer:
        assert await answer.read() == b"cba"
    big = site.add("/big", b"x" * (MAX_BYTES + 1), "image/png")
    async with client.head(big, proxy=proxy.url) as answer:
        assert answer.headers["Content-Length"] == str(MAX_BYTES + 1)
    assert proxy.refusals == []


async def test_refuses_a_private_host_by_name_address_and_tunnel(
    proxy: EgressProxy, inside: Site, names: Names, client: aiohttp.ClientSession
) -> None:
    names.add("intranet.example", ["127.0.0.2"])
    names.add("mixed.example", ["127.0.0.1", "127.0.0.2"])
    for host in ("127.0.0.2", "intranet.example", "mixed.example"):
        async with client.get(inside.url("/", host), proxy=proxy.url) as answer:
            assert (answer.status, answer.headers[MARK]) == (403, "address_not_allowed")
        said = await raw(proxy, f"CONNECT {host}:{inside.port} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        assert said.startswith(b"HTTP/1.1 403")
        assert b"X-Medlens-Refused: address_not_allowed" in said
    assert codes(proxy) == [(host, "address_not_allowed") for host in ("127.0.0.2", "intranet.example", "mixed.example")]
    assert "127.0.0.2 is loopback" in proxy.refusals[1].message
    assert inside.hits.total() == 0
    assert proxy.refused("intranet.example") is proxy.refusals[1]
    assert proxy.refused("example.org") is None


async def test_spellings_of_a_private_address_are_one(proxy: EgressProxy, inside: Site) -> None:
    for host in ("127.0.2", "0x7f000002", "2130706434", "0177.0.0.2", "%31%32%37.0.0.2", "[::ffff:127.0.0.2]"):
        said = await raw(proxy, f"GET http://{host}:{inside.port}/ HTTP/1.1\r\nHost: a.example\r\n\r\n".encode())
        assert b"address_not_allowed" in said
    assert {refusal.host for refusal in proxy.refusals} == {"127.0.0.2", "[::ffff:7f00:2]"}
    assert inside.hits.total() == 0


async def test_a_name_that_changes_its_mind_is_dialled_where_it_was_checked(
    proxy: EgressProxy, site: Site, names: Names, client: aiohttp.ClientSession
) -> None:
    names.add("rebind.example", ["127.0.0.1"], ["127.0.0.2"])
    url = site.add("/a", "here")
    async with client.get(url.replace("127.0.0.1", "rebind.example"), proxy=proxy.url) as answer:
        assert await answer.text() == "here"
    assert names.asked == ["rebind.example"]
    said = await raw(proxy, f"GET http://rebind.example:{site.port}/a HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert b"address_not_allowed" in said


async def test_the_host_header_cannot_point_elsewhere(proxy: EgressProxy, site: Site) -> None:
    site.add("/a", "here")
    said = await raw(proxy, f"GET {site.url('/a')} HTTP/1.1\r\nHost: 127.0.0.2\r\nConnection: close\r\n\r\n".encode())
    assert said.startswith(b"HTTP/1.1 200")
    assert site.seen["/a"]["Host"] == f"127.0.0.1:{site.port}"


async def test_records_a_missing_host_and_a_closed_port(proxy: EgressProxy, names: Names, client: aiohttp.ClientSession) -> None:
    names.add("gone.example", [])
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        for url, status in (("http://gone.example/", 502), (f"http://127.0.0.1:{port}/", 502)):
            async with client.get(url, proxy=proxy.url) as answer:
                assert answer.status == status
    assert codes(proxy) == [("gone.example", "host_not_found"), ("127.0.0.1", "connection_failed")]


async def test_refuses_ports_that_are_no_web_servers(proxy: EgressProxy) -> None:
    assert b"403" in await raw(proxy, b"CONNECT 127.0.0.1:25 HTTP/1.1\r\nHost: a\r\n\r\n")
    assert codes(proxy) == [("127.0.0.1", "address_not_allowed")]


@pytest.mark.parametrize(
    "request_",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET http://a@127.0.0.1/ HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET https://127.0.0.1/ HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET ftp://127.0.0.1/ HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET http://127.0.0.1:99999/ HTTP/1.1\r\nHost: a\r\n\r\n",
        b"CONNECT 127.0.0.1 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"CONNECT a b:1 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"\x16\x03\x01 hello\r\n\r\n",
        b"GET http://127.0.0.1:1/ HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"POST http://127.0.0.1:1/ HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST http://127.0.0.1:1/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"POST http://127.0.0.1:1/ HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        b"GET http://127.0.0.1:1/ HTTP/1.1\r\nHost: a\r\nX: " + b"x" * wire.MAX_HEAD_BYTES + b"\r\n\r\n",
    ],
)
async def test_refuses_what_can_be_misread(proxy: EgressProxy, request_: bytes) -> None:
    said = await raw(proxy, request_)
    assert said.startswith((b"HTTP/1.1 400", b"HTTP/1.1 403"))
    assert MARK.encode() in said
    assert len(proxy.refusals) == 1


async def test_a_server_can_neither_claim_a_refusal_nor_smuggle_a_length(proxy: EgressProxy, site: Site) -> None:
    async def lie(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nX-Medlens-Refused: x\r\nProxy-Authenticate: Basic\r\nConnection: X-Drop\r\nX-Drop: 1\r\n")
        writer.write(b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(lie, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        said = await raw(proxy, f"GET http://127.0.0.1:{port}/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
    head, _, body = said.partition(b"\r\n\r\n")
    assert b"body" in body
    for gone in (b"refused", b"proxy-auth", b"x-drop", b"content-length"):
        assert gone not in head.lower()


async def test_a_server_that_talks_no_http(proxy: EgressProxy, site: Site, client: aiohttp.ClientSession) -> None:
    for path in ("/garbage", "/hangup"):
        async with client.get(site.url(path), proxy=proxy.url) as answer:
            assert (answer.status, answer.headers[MARK]) == (502, "connection_failed")
    assert {code for _, code in codes(proxy)} == {"connection_failed"}


async def test_a_short_answer_is_not_taken_for_the_whole(proxy: EgressProxy, site: Site, client: aiohttp.ClientSession) -> None:
    with pytest.raises(aiohttp.ClientError):
        async with client.get(site.url("/short"), proxy=proxy.url) as answer:
            await answer.read()


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
    assert proxy.received < MAX_BYTES + 5 * wire.CHUNK_BYTES


async def test_a_tunnel_over_the_limit_is_cut(proxy: EgressProxy, site: Site) -> None:
    request = f"CONNECT 127.0.0.1:{site.port} HTTP/1.1\r\nHost: a\r\n\r\nGET /endless HTTP/1.1\r\nHost: a\r\n\r\n"
    with pytest.raises(ConnectionResetError):
        await raw(proxy, request.encode())
    assert codes(proxy) == [("127.0.0.1", "too_large")]
    assert proxy.received < MAX_BYTES * egress.CONNECTION_DOWNLOADS + 2 * wire.CHUNK_BYTES


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


async def test_refusals_are_told_once_and_not_without_end(
    proxy: EgressProxy, client: aiohttp.ClientSession, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(egress, "MAX_REFUSALS", 3)
    for number in (1, 1, 2, 3, 4, 5):
        async with client.get(f"http://10.0.0.{number}/", proxy=proxy.url):
            pass
    assert [host for host, _ in codes(proxy)] == ["10.0.0.1", "10.0.0.2", "10.0.0.3"]


async def test_a_silent_server_times_out(
    proxy: EgressProxy, site: Site, client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "IDLE_TIMEOUT_S", 0.2)
    async with client.get(site.url("/slow"), proxy=proxy.url) as answer:
        assert (answer.status, answer.headers[MARK]) == (504, "timed_out")
    with pytest.raises(aiohttp.ClientError):
        async with client.get(site.url("/stalled"), proxy=proxy.url) as answer:
            await answer.read()
    assert {code for _, code in codes(proxy)} == {"timed_out"}


async def test_an_idle_tunnel_ends(proxy: EgressProxy, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.source.tunnel.IDLE_TIMEOUT_S", 0.2)
    said = await raw(proxy, f"CONNECT 127.0.0.1:{site.port} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    assert said.startswith(b"HTTP/1.1 200")


async def test_a_half_closed_tunnel_still_brings_the_answer(proxy: EgressProxy) -> None:
    async def after_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        question = await reader.read()  # until the other side has nothing more to say
        writer.write(question[::-1])
        writer.close()

    server = await asyncio.start_server(after_end, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(proxy.url.rpartition(":")[2]))
        writer.write(f"CONNECT 127.0.0.1:{port} HTTP/1.1\r\nHost: a\r\n\r\nearly".encode())
        assert await reader.readuntil(b"\r\n\r\n")
        writer.write(b" late")
        writer.write_eof()
        assert await reader.read() == b"etal ylrae"
        writer.close()


async def test_a_websocket_passes_the_tunnel(proxy: EgressProxy, site: Site) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(proxy.url.rpartition(":")[2]))
    writer.write(f"CONNECT 127.0.0.1:{site.port} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
    writer.write(b"GET /socket HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n")
    writer.write(b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
    assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
    writer.write(b"\x81\x82\x00\x00\x00\x00hi")
    assert await reader.readexactly(9) == b"\x81\x07echo hi"
    writer.close()


async def test_ends_with_connections_in_hand(guard: Guard, settings: Settings, site: Site, client: aiohttp.ClientSession) -> None:
    arrived = asyncio.Event()

    async def hold(request: aiohttp.web.Request) -> aiohttp.web.StreamResponse:
        arrived.set()
        await asyncio.Event().wait()
        raise AssertionError("never")

    url = site.add_handler("/hold", hold)
    async with EgressProxy(guard, settings) as proxy:
        waiting = asyncio.create_task(client.get(url, proxy=proxy.url))
        tunnel = await asyncio.open_connection("127.0.0.1", int(proxy.url.rpartition(":")[2]))
        tunnel[1].write(f"CONNECT 127.0.0.1:{site.port} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        await tunnel[0].readuntil(b"\r\n\r\n")
        await arrived.wait()
    with pytest.raises(aiohttp.ClientError):
        await waiting
    assert await tunnel[0].read() == b""
    tunnel[1].close()
