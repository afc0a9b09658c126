"""Exports that are not read to their end give their connection back clean."""

from __future__ import annotations

import gc
from contextlib import aclosing, suppress

import pytest

from server.store import export, scans
from server.store.database import Database
from tests.store.conftest import Judge


@pytest.mark.parametrize("end", ["all", "early", "error", "never begun"])
async def test_however_a_reader_ends_no_cursor_stays_open(database: Database, judge: Judge, end: str) -> None:
    """A cursor that stays open warns when it is collected, and warnings are errors here."""
    scan = await scans.create(database, kind="page", target="x")
    await scans.finish(database, scan, status="done", images=[judge(str(number)) for number in range(20)])
    with suppress(RuntimeError):
        async with aclosing(export.rows(database)) as rows:  # type: ignore[type-var]
            if end != "never begun":
                async for _ in rows:
                    if end == "early":
                        break
                    if end == "error":
                        raise RuntimeError
    gc.collect()
