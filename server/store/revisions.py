"""Which migration is the newest, told by the files' names alone: they are numbered in order (a test holds them to it)."""

from __future__ import annotations

from pathlib import Path

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"


def newest_revision() -> str:
    return max(path.name for path in (MIGRATIONS / "versions").glob("[0-9]*.py")).split("_")[0]
