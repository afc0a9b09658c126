"""The proxy refuses denied and ambiguous addresses in every spelling, and lists what it refused."""

from __future__ import annotations

import asyncio
import socket

import aiohttp
import pytest

from server.source import connection, egress
from server.source.egress import EgressProxy
from tests.site import Site
from tests.source.conftest import MARK, Names, codes, raw


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
        b"GET http://127.0.0.1:1/ HTTP/1.1\r\nHost: a\r\nX: " + b"x" * connection.MAX_HEAD_BYTES + b"\r\n\r\n",
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


async def test_refusals_are_listed_once_and_up_to_a_limit(
    proxy: EgressProxy, client: aiohttp.ClientSession, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(egress, "MAX_REFUSALS", 3)
    for number in (1, 1, 2, 3, 4, 5):
        async with client.get(f"http://10.0.0.{number}/", proxy=proxy.url):
            pass
    assert [host for host, _ in codes(proxy)] == ["10.0.0.1", "10.0.0.2", "10.0.0.3"]
