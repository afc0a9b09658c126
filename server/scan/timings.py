"""Measures how long each stage of one scan was busy. Overlapping work within a stage counts once, as wall-clock time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

from server.contract.records import Stage


class Timings:
    def __init__(self) -> None:
        self._spent: dict[Stage, float] = {}
        self._busy: dict[Stage, int] = {}
        self._since: dict[Stage, float] = {}

    @contextmanager
    def measure(self, stage: Stage) -> Iterator[None]:
        """Add the time inside the block to `stage`; blocks of one stage may overlap."""
        if not self._busy.get(stage):
            self._since[stage] = perf_counter()
        self._busy[stage] = self._busy.get(stage, 0) + 1
        try:
            yield
        finally:
            self._busy[stage] -= 1
            if not self._busy[stage]:
                self._spent[stage] = self._spent.get(stage, 0.0) + perf_counter() - self._since[stage]

    def add(self, stage: Stage, seconds: float) -> None:
        """Add seconds measured elsewhere, such as the wait in the queue."""
        self._spent[stage] = self._spent.get(stage, 0.0) + seconds

    def milliseconds(self) -> dict[str, float]:
        """Milliseconds by stage, rounded to a tenth; stages that never ran are missing."""
        return {stage: round(seconds * 1000, 1) for stage, seconds in self._spent.items()}
