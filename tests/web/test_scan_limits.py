"""How many scans may be asked for: those who ask too often or too much are told when to come back."""

from __future__ import annotations

import pytest
from aiohttp import web

from server.contract.errors import TooManyRequests
from server.web.http.keys import LIMITER
from server.web.http.limits import RATES, Limiter, Rate
from tests.web.conftest import Client, refusal

pytestmark = pytest.mark.usefixtures("public")


async def test_too_many_scans_at_once_are_refused_with_retry_after(
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
    monkeypatch.setattr("server.web.api.scans.MAX_QUEUED", 1)
    assert (await client.post("/api/scans", json={"url": "https://example.org"})).status == 202
    answer = await client.post("/api/scans", json={"url": "https://example.org"})
    assert await refusal(answer) == (429, "too_many_requests")
    assert int(answer.headers["Retry-After"]) > 0


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


def test_the_number_of_callers_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.web.http.limits.MAX_BUCKETS", 3)
    limiter = Limiter({"read": Rate(burst=1, per_second=0.1)})
    for name in "abcde":
        limiter.take("read", name)
    assert len(limiter._buckets) == 3
