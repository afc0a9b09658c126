"""The proxy forwards what a page requests, driven by a raw socket and by aiohttp; test_egress_browser.py has the browser."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from server.settings import Settings
from server.source.egress import EgressProxy
from server.source.guard import Guard
from tests.site import Site, picture
from tests.source.conftest import MARK, MAX_BYTES, Names, codes, raw


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


async def test_a_server_that_talks_no_http(proxy: EgressProxy, site: Site, client: aiohttp.ClientSession) -> None:
    for path in ("/garbage", "/hangup"):
        async with client.get(site.url(path), proxy=proxy.url) as answer:
            assert (answer.status, answer.headers[MARK]) == (502, "connection_failed")
    assert {code for _, code in codes(proxy)} == {"connection_failed"}


async def test_a_truncated_response_is_not_taken_for_complete(
    proxy: EgressProxy, site: Site, client: aiohttp.ClientSession
) -> None:
    with pytest.raises(aiohttp.ClientError):
        async with client.get(site.url("/short"), proxy=proxy.url) as answer:
            await answer.read()


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
