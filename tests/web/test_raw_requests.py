"""Bytes that no client library sends: each gets an answer of ours, by name, and none a traceback or the name of what serves it."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from server.app import create_app
from server.settings import Settings
from server.web import connection
from server.web.connection import Runner
from server.web.http.keys import LIMITER
from server.web.http.limits import Rate
from tests.web.conftest import TOKEN
from tests.web.raw_requests import Address, mutated, say

BEARER = b"Authorization: Bearer " + TOKEN.encode() + b"\r\n"
FILE = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n%s\r\n\r\n\x89PNG\r\n--x--\r\n'
FIELDS = b"Content-Type: application/x-www-form-urlencoded\r\n"
JSON = b"Content-Type: application/json\r\n"
FORM = b"Content-Type: multipart/form-data; boundary=x\r\n"


@pytest.fixture(scope="module")
async def address(web_settings: Settings) -> AsyncIterator[Address]:
    """The service as `medlens serve` runs it, with nobody's requests counted."""
    app = create_app(web_settings)
    app[LIMITER].rates = dict.fromkeys(app[LIMITER].rates, Rate(burst=100_000, per_second=100_000))
    runner = Runner(app, shutdown_timeout=1, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][:2]
    await runner.cleanup()


@pytest.fixture(autouse=True)
def no_error_of_ours(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Nothing that a stranger sends makes an error or a traceback in the log, ours or aiohttp's."""
    with capture_logs() as told:
        yield
    assert [line for line in told if line["log_level"] in ("error", "critical") or line.get("exc_info")] == []
    assert [record for record in caplog.get_records("call") if record.levelno >= logging.ERROR or record.exc_info] == []


def request(line: bytes, headers: bytes = b"", body: bytes = b"", address: Address = ("", 0), length: bool = True) -> bytes:
    host = b"Host: 127.0.0.1:%d\r\nConnection: close\r\n" % address[1]
    told = b"Content-Length: %d\r\n" % len(body) if length and body else b""
    return line + b" HTTP/1.1\r\n" + host + headers + told + b"\r\n" + body


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def origin(address: Address) -> bytes:
    return b"Origin: http://127.0.0.1:%d\r\n" % address[1]


@pytest.mark.parametrize(
    ("line", "headers", "body", "status"),
    [
        (b"GET /api/scans", b"Authorization: Bearer \xff\xfe\r\n", b"", 401),
        (b"GET /api/scans", b"Authorization: \xff\r\n", b"", 401),
        (b"GET /api/scans", b"Cookie: medlens_session=\xff\xfe\r\n", b"", 401),
        (b"POST /login", b"Content-Type: multipart/form-data\r\n", b"x", 400),
        (b"POST /login", b"Content-Type: application/x-www-form-urlencoded; charset=utf-99\r\n", b"token=x", 400),
        (b"POST /login", b"Content-Type: application/x-www-form-urlencoded; charset=utf-16\r\n", b"t", 400),
        (b"POST /login", b"Content-Type: application/x-www-form-urlencoded\r\n", b"token=%ff", 401),
        (b"POST /pair", BEARER + b"Content-Type: multipart/form-data\r\n", b"x", 400),
        (b"POST /api/scans", BEARER + b"Content-Type: multipart/form-data\r\n", b"x", 400),
        (b"POST /api/scans", BEARER + FORM, FILE % b"X-Odd: a\x7fb", 400),
        (b"POST /api/scans", BEARER + FORM, FILE % (b"X-Long: " + b"a" * 9_000), 400),
        (b"POST /api/scans", BEARER + FORM, FILE % b"\r\n".join(b"X-%d: a" % n for n in range(1_001)), 400),
        (b"POST /api/scans", BEARER + FORM, FILE % b"Content-Transfer-Encoding: odd", 415),
        (b"POST /api/scans", BEARER + FORM, FILE % b"Content-Length: -1", 415),
        (b"POST /api/scans", BEARER + FORM, b"--x\r\n\r\n", 400),
        (b"POST /api/scans", BEARER + b"Content-Type: application/json\r\n", b"\xff\xfe", 400),
        (b"GET /api/scans?q=%ff%00", BEARER, b"", 200),
    ],
)  # fmt: skip
async def test_invalid_requests_are_refused_with_a_problem(
    address: Address, line: bytes, headers: bytes, body: bytes, status: int
) -> None:
    answer = await say(address, request(line, headers + origin(address), body, address))
    assert status_of(answer) == status, answer[:300]
    assert_clean(answer)


async def test_a_browser_with_an_odd_name_signs_in(address: Address) -> None:
    headers = b"Content-Type: application/x-www-form-urlencoded\r\nUser-Agent: \xff\xfe\r\n" + origin(address)
    answer = await say(address, request(b"POST /login", headers, b"token=" + TOKEN.encode(), address))
    assert status_of(answer) == 303, answer[:300]
    assert_clean(answer)


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",  # TLS
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\n\r\n",
        b"GE\xffT / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: " + b"a" * 20_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http://[::1 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\r\n\r\n\r\nhello\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: a\r\n" % n for n in range(1_000)) + b"\r\n",
    ],
)
async def test_what_is_no_http_is_answered_in_our_words(address: Address, sent: bytes) -> None:
    answer = await say(address, sent)
    assert 400 <= status_of(answer) < 500, answer[:300]
    assert b"application/problem+json" in answer
    assert_clean(answer)


async def test_no_request_of_many_broken_ones_is_an_error_of_ours(address: Address) -> None:
    chance = random.Random(14)
    whole = [
        request(b"GET /api/scans?limit=3", BEARER, b"", address),
        request(b"POST /login", FIELDS + origin(address), b"token=a&next=/x", address),
        request(b"POST /api/scans", BEARER + FORM, FILE % b"Content-Type: image/png", address),
        request(b"POST /api/scans", BEARER + b"Content-Type: application/json\r\n", b'{"url": "https://192.0.2.1/"}', address),
        request(b"POST /api/images/%s/feedback" % (b"0" * 64), BEARER + JSON, b'{"modality": "ct"}', address),
    ]  # fmt: skip
    for _ in range(300):
        sent = mutated(chance.choice(whole), chance)
        with suppress(TimeoutError):  # one that waits for more than was sent is the slow senders' business
            answer = await say(address, sent, patience_s=0.3)
            assert not answer or status_of(answer) < 500, (sent, answer[:300])
            assert_clean(answer)


async def test_a_body_that_says_it_is_huge_is_refused_before_it_comes(address: Address) -> None:
    huge = b"Content-Length: 10000000000\r\n"
    for line, headers in (
        (b"POST /api/scans", BEARER + b"Content-Type: application/json\r\n"),
        (b"POST /api/scans", BEARER + FORM),
        (b"POST /login", b"Content-Type: application/x-www-form-urlencoded\r\n" + origin(address)),
        (b"DELETE /api/scans/5b3e6a0e-0000-4000-8000-000000000000", BEARER),
        (b"GET /api/scans", BEARER),
        (b"POST /healthz", BEARER),
    ):
        reader, writer = await asyncio.open_connection(*address)
        writer.write(request(line, headers + huge, address=address))
        async with asyncio.timeout(20):
            assert status_of(await reader.readuntil(b"\r\n\r\n")) in (413, 405), line
        writer.close()


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"GET / HT",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-",
        b"POST /api/scans HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n" + BEARER + FORM + b"Content-Length: 5000\r\n\r\n--x\r\n",
        b"POST /api/scans HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n" + BEARER + FORM + b"Transfer-Encoding: chunked\r\n\r\n5\r\n--x",
        b"POST /login HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nOrigin: http://127.0.0.1:%d\r\n"
        + FIELDS
        + b"Content-Length: 50\r\n\r\ntoken=",
    ],
)
async def test_who_sends_too_slowly_is_cut_off(address: Address, monkeypatch: pytest.MonkeyPatch, begun: bytes) -> None:
    for name, value in {"SILENCE_S": 1.0, "HEAD_S": 1.0}.items():
        monkeypatch.setattr(connection, name, value)
    reader, writer = await asyncio.open_connection(*address)
    writer.write(begun.replace(b"%d", b"%d" % address[1]))

    async def trickle() -> None:
        while True:
            await asyncio.sleep(0.4)
            writer.write(b"a" if begun else b"")

    task = asyncio.create_task(trickle())
    try:
        async with asyncio.timeout(20):
            with suppress(ConnectionError):
                await reader.read()
    finally:
        task.cancel()
        writer.close()


async def test_a_slow_answer_of_ours_is_nobodys_fault(address: Address, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"SILENCE_S": 0.5, "HEAD_S": 0.5}.items():
        monkeypatch.setattr(connection, name, value)
    reader, writer = await asyncio.open_connection(*address)
    for _ in range(2):
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % address[1])
        assert status_of(await reader.readuntil(b"\r\n\r\n")) == 200
        await reader.readuntil(b"}")
        await asyncio.sleep(2.5)  # an open connection between two requests owes nothing
    writer.close()


def assert_clean(answer: bytes) -> None:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"aiohttp" not in head.lower()
    assert b"python" not in head.lower()
    assert b"Traceback" not in body
