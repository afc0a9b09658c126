"""Turns at one host keep their distance; other hosts do not wait."""

from __future__ import annotations

import asyncio

import pytest

from server.source import pace as pacing
from server.source.pace import Pace


async def test_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(round(seconds, 3))

    monkeypatch.setattr(asyncio, "sleep", sleep)
    monkeypatch.setattr(pacing.time, "monotonic", lambda: 100.0)
    pace = Pace(2.0)
    for host in ("a", "a", "b", "a"):
        await pace.turn(host)
    assert waits == [0.0, 2.0, 0.0, 4.0]
    monkeypatch.setattr(pacing.time, "monotonic", lambda: 200.0)
    await pace.turn("a")
    assert waits[-1] == 0.0
    await Pace(0).turn("a")
    assert len(waits) == 5
