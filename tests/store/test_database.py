"""Reaching a database that is given, and what is said when it cannot be reached."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import psutil
import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy import text

from server.contract.errors import DatabaseUnavailable, SettingsError, StoreError
from server.settings import Settings
from server.store import database as database_module
from server.store.database import Database
from tests.store.conftest import server_of


def _given(url: str) -> Settings:
    return Settings(database_url=SecretStr(url))


async def test_nobody_listens(unused_port: int) -> None:
    with pytest.raises(DatabaseUnavailable, match="unset MEDLENS_DATABASE_URL") as raised:
        async with Database(_given(f"postgresql://someone:secret@127.0.0.1:{unused_port}/medlens")):
            pass
    assert "secret" not in str(raised.value)
    assert str(unused_port) in str(raised.value)


@pytest.mark.parametrize("url", ["mysql://localhost/x", "sqlite://", "not an address", "postgresql+asyncpg://localhost/x"])
async def test_an_address_that_is_not_postgres_is_a_settings_error(url: str) -> None:
    with pytest.raises(SettingsError, match="MEDLENS_DATABASE_URL"):
        async with Database(_given(url)):
            pass


async def test_libpqs_spelling_of_the_address_connects_too(database: Database) -> None:
    with psycopg.connect(database.conninfo) as connection:
        assert connection.info.dbname == database.url.database


async def test_a_lost_connection_is_replaced(database: Database) -> None:
    async with database.begin() as connection:
        pid = await connection.scalar(text("SELECT pg_backend_pid()"))
    with psycopg.connect(database.conninfo, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s)", [pid])
    await database.ready()


async def test_a_killed_server_is_started_again_at_the_same_address(data_dir: Path) -> None:
    settings = Settings(data_dir=data_dir)
    async with Database(settings) as one, Database(settings) as other:
        address, pid = one.url, _kill_server(data_dir)
        await asyncio.gather(one.ready(), other.ready(), one.ready())
        assert server_of(data_dir) not in (pid, None)
        assert one.url == address
        with psycopg.connect(other.conninfo) as connection:  # as the queue's own pool does
            assert connection.execute("SELECT 1").fetchone() == (1,)
    assert server_of(data_dir) is None


async def test_a_server_that_cannot_be_started_again_is_told_by_name(data_dir: Path) -> None:
    async with Database(Settings(data_dir=data_dir)) as opened:
        control = data_dir / "postgres/cluster/global/pg_control"
        _kill_server(data_dir)
        control.rename(control.with_name("away"))
        with pytest.raises(DatabaseUnavailable, match=r"does not start.*pg_control"):
            await opened.ready()
        control.with_name("away").rename(control)
        await opened.ready()


async def test_a_connection_lost_in_mid_transaction_is_told_by_name(database: Database) -> None:
    with pytest.raises(DatabaseUnavailable):
        async with database.begin() as connection:
            await connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))


async def test_a_refused_statement_is_told_by_name(database: Database) -> None:
    with pytest.raises(StoreError, match="division by zero"):
        async with database.begin() as connection:
            await connection.execute(text("SELECT 1 / 0"))


def _kill_server(data_dir: Path) -> int:
    """Kill the postmaster, and return its number once its children have ended, too."""
    pid = server_of(data_dir)
    assert pid is not None
    server = psutil.Process(pid)
    family = [server, *server.children(recursive=True)]
    server.kill()
    assert not psutil.wait_procs(family, timeout=30)[1]
    return pid


@pytest.fixture
def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


async def test_a_server_that_stands_still_is_not_waited_for(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Database(Settings(data_dir=data_dir)) as opened:
        monkeypatch.setattr(database_module, "ANSWER_S", 1.0)
        async with opened.begin() as connection:  # leaves one in the pool
            await connection.execute(text("SELECT 1"))
        pid = server_of(data_dir)
        assert pid is not None
        server = psutil.Process(pid)
        family = [server, *server.children(recursive=True)]
        for one in family:
            one.suspend()
        try:
            async with asyncio.timeout(15):
                with pytest.raises(DatabaseUnavailable, match="did not answer within 1 s"):
                    await opened.ready()
        finally:
            for one in family:
                one.resume()
        monkeypatch.setattr(database_module, "ANSWER_S", 30.0)
        await opened.ready()
