"""What a caller's address may hold and nobody else is to see: a password is stored nowhere, a query string is in no log."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest
import structlog
from sqlalchemy import text

from server import logs
from server.settings import Settings
from server.store.database import Database
from tests.web.conftest import Client

pytestmark = pytest.mark.usefixtures("public")
PASSWORD, KEY = "s3cretword", "s3cretkey"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """All that is logged at the finest level; the handlers that pytest put on the root logger come back afterwards."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    out = io.StringIO()
    logs.configure(Settings(log_format="json", log_level="debug"), out)
    yield out
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


async def stored(database: Database) -> str:
    """Every row of every table, as text."""
    found = []
    async with database.begin() as connection:
        tables = (await connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))).scalars().all()
        for table in tables:
            found += [str(row) for row in await connection.execute(text(f'SELECT * FROM "{table}"'))]
    return "\n".join(found)


async def test_a_password_in_an_address_is_refused_and_kept_nowhere(client: Client, kept: Database, log: io.StringIO) -> None:
    answer = await client.post("/api/scans", json={"url": f"https://somebody:{PASSWORD}@example.org/a"})
    assert answer.status == 400
    told = await answer.text() + str(answer.headers)
    looked = await client.get("/api/scans/lookup", params={"url": f"https://somebody:{PASSWORD}@example.org/a"})
    told += await looked.text()
    history = await (await client.get("/api/scans")).text() + await (await client.get("/api/export.csv")).text()
    for place in (told, history, log.getvalue(), await stored(kept)):
        assert PASSWORD not in place


async def test_a_query_string_is_kept_with_its_scan_and_in_no_log(client: Client, kept: Database, log: io.StringIO) -> None:
    """The scan needs it, and the history is the caller's own; whoever reads the log is somebody else."""
    answer = await client.post("/api/scans", json={"url": f"https://example.org/a?key={KEY}"})
    assert answer.status == 202
    report = await (await client.get((await answer.json())["report"])).json()
    assert report["source"]["target"] == f"https://example.org/a?key={KEY}"
    await client.get("/api/scans", params={"q": KEY})
    await client.get("/api/scans/lookup", params={"url": f"https://example.org/a?key={KEY}"})
    await client.get(f"/nowhere?key={KEY}")
    assert "/api/scans" in log.getvalue()
    assert KEY not in log.getvalue()
    assert (await client.ask("DELETE", (await answer.json())["report"])).status == 204
