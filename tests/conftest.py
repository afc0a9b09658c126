"""What every test may ask for: a migrated database of its own, and the labelled images and hostile files beside the checkout."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg.sql import SQL, Identifier
from pydantic import SecretStr
from sqlalchemy import URL

from server.settings import Settings
from server.store.database import Database
from server.store.embedded.postgres import EmbeddedPostgres

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder beside the checkout with `data/` and `corpora/`; the suite passes without it."""
    if not (SHARED / "data" / "samples").is_dir():
        pytest.skip(f"no labelled images or hostile files beside the checkout ({SHARED.name}/)")
    return SHARED


@pytest.fixture(scope="session")
def postgres() -> Iterator[URL]:
    """The address of one embedded server for the whole run. Its folder's path is short, for the socket, and open to its user."""
    folder = Path(tempfile.mkdtemp(prefix="medlens-"))
    server = EmbeddedPostgres(folder)
    try:
        url = server.start()
        with psycopg.connect(_plain(url), autocommit=True) as connection:
            connection.execute(
                "ALTER SYSTEM SET fsync = off"
            )  # nothing here outlives the run, and a test's database is made in no time
            connection.execute("SELECT pg_reload_conf()")
        yield url
    finally:
        server.stop()
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
async def template(postgres: URL) -> str:
    """The name of a migrated database without rows or users; each test gets a copy."""
    async with Database(Settings(database_url=_secret(postgres))) as database:
        await database.migrate()
    return str(postgres.database)


@pytest.fixture
def database_settings(postgres: URL, template: str) -> Iterator[Settings]:
    """Settings whose database is this test's own: migrated, empty, gone after the test."""
    name = f"test_{uuid4().hex}"
    with psycopg.connect(_plain(postgres), autocommit=True) as connection:
        connection.execute(SQL("CREATE DATABASE {} TEMPLATE {}").format(Identifier(name), Identifier(template)))
        try:
            yield Settings(database_url=_secret(postgres.set(database=name)))
        finally:
            connection.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


@pytest.fixture
async def database(database_settings: Settings) -> AsyncIterator[Database]:
    """This test's own database, connected."""
    async with Database(database_settings) as opened:
        yield opened


def _plain(url: URL) -> str:
    return url.set(drivername="postgresql", database="postgres").render_as_string(hide_password=False)


def _secret(url: URL) -> SecretStr:
    return SecretStr(url.render_as_string(hide_password=False))
