"""Scans of one host keep their distance; other hosts do not wait."""

from __future__ import annotations

import asyncio

import pytest

from server.source import politeness
from server.source.politeness import HostDelay


async def test_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(round(seconds, 3))

    monkeypatch.setattr(asyncio, "sleep", sleep)
    monkeypatch.setattr(politeness.time, "monotonic", lambda: 100.0)
    delay = HostDelay(2.0)
    for host in ("a", "a", "b", "a"):
        await delay.wait(host)
    assert waits == [0.0, 2.0, 0.0, 4.0]
    monkeypatch.setattr(politeness.time, "monotonic", lambda: 200.0)
    await delay.wait("a")
    assert waits[-1] == 0.0
    await HostDelay(0).wait("a")
    assert len(waits) == 5
