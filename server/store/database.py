"""The connection to the database, embedded or named by MEDLENS_DATABASE_URL: opened, migrated, checked, closed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self

import psycopg
from psycopg.conninfo import make_conninfo
from sqlalchemy import URL, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from server.contract.errors import DatabaseUnavailable, MedlensError, SettingsError, StoreError
from server.settings import Settings
from server.store.embedded.postgres import EmbeddedPostgres
from server.store.migrations import newest_revision, upgrade

DRIVER = "postgresql+psycopg"
POOL_SIZE = 5  # kept open; requests are short
POOL_OVERFLOW = 15  # more under load; three processes of this size stay under the embedded server's 100 connections
POOL_WAIT_S = 15.0
ANSWER_S = 20.0  # for a connection that answers: longer than the wait for a free one, shorter than a person's patience
CONNECT_S = 5
MIGRATION_LOCK = 0x6D65646C  # "medl": the advisory lock under which one process migrates


log = logging.getLogger(__name__)


class Database:
    """`async with Database(settings) as database:` connects, starting the embedded server if need be, and closes at the end."""

    engine: AsyncEngine
    url: URL

    def __init__(self, settings: Settings) -> None:
        self.with_context = settings.context == "on"  # whether Reports show what the page or document says of an image
        self._configured = settings.database_url
        self._embedded = None if settings.database_url else EmbeddedPostgres(settings.data_dir)
        self._reviving: asyncio.Future[None] | None = None

    async def __aenter__(self) -> Self:
        self.url = await self._start_embedded(self._embedded) if self._embedded else self._configured_url()
        self.engine = create_async_engine(
            self.url,
            pool_size=POOL_SIZE,
            max_overflow=POOL_OVERFLOW,
            pool_timeout=POOL_WAIT_S,
            pool_pre_ping=True,  # a restarted server costs one round trip, not a failed request
            connect_args={"connect_timeout": CONNECT_S},
        )
        try:
            await self.ready()
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.engine.dispose()
        if self._embedded:
            await asyncio.shield(asyncio.to_thread(self._embedded.stop))

    @property
    def conninfo(self) -> str:
        """The same address in libpq's form, for psycopg and procrastinate. Contains the password, if there is one."""
        query = {key: value for key, value in self.url.query.items() if isinstance(value, str)}
        parts = {
            "host": self.url.host,
            "port": str(self.url.port) if self.url.port else None,
            "user": self.url.username,
            "password": self.url.password,
            "dbname": self.url.database,
        }
        return make_conninfo(**{key: value for key, value in parts.items() if value is not None} | query)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
        """A connection in a transaction that commits at the end.

        Raises DatabaseUnavailable when the server cannot be reached, StoreError when it refuses a statement.
        """
        try:
            connection = await self._connected()
            try:
                async with connection.begin():
                    yield connection
            finally:
                await asyncio.shield(connection.close())
        except PoolTimeout as error:
            raise DatabaseUnavailable(f"all connections were busy for {POOL_WAIT_S:.0f} s; try again") from error
        except DBAPIError as error:
            if error.connection_invalidated or isinstance(error.orig, psycopg.OperationalError):
                raise self._unavailable(error.orig) from error
            message = error.orig.diag.message_primary if isinstance(error.orig, psycopg.Error) else None
            raise StoreError(f"the database refused: {message or type(error.orig).__name__}") from error
        except StatementError as error:  # a value that its column's type refused
            raise error.orig if isinstance(error.orig, MedlensError) else error from None

    async def _connected(self) -> AsyncConnection:
        """A connection that has just answered. Raises DatabaseUnavailable when there is none within ANSWER_S.

        A server that was stopped, or whose disk hangs, keeps its connections open and does not answer.
        """
        connecting = asyncio.ensure_future(self._connect())
        try:
            await asyncio.wait((connecting,), timeout=ANSWER_S)
        except asyncio.CancelledError:  # perhaps just as the connection came
            _give_back(connecting)
            raise
        if not connecting.done():
            _give_back(connecting)
            raise DatabaseUnavailable(f"the database did not answer within {ANSWER_S:.0f} s; try again in a moment")
        return connecting.result()

    async def _connect(self) -> AsyncConnection:
        try:
            return await self.engine.connect()
        except DBAPIError as error:
            if self._embedded is None or not isinstance(error.orig, psycopg.OperationalError):
                raise
            await self._revive(self._embedded)
            return await self.engine.connect()

    async def _revive(self, embedded: EmbeddedPostgres) -> None:
        """Start the embedded server again if it was killed; requests that miss it at the same time wait for one attempt."""

        async def revive() -> None:
            if await asyncio.to_thread(embedded.revive):
                log.warning("the embedded Postgres had ended and was started again")

        if self._reviving is None or self._reviving.done():
            self._reviving = asyncio.ensure_future(revive())
        await asyncio.shield(self._reviving)

    async def ready(self) -> None:
        """Return if the database answers, else DatabaseUnavailable."""
        async with self.begin() as connection:
            await connection.execute(text("SELECT 1"))

    async def migrate(self) -> None:
        """Bring the tables up to date, one process at a time; a few milliseconds when they are."""
        async with self.begin() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
            if not await _is_current(connection):
                await connection.run_sync(upgrade)

    async def is_current(self) -> bool:
        """Whether the tables are those of this version of the program."""
        async with self.begin() as connection:
            return await _is_current(connection)

    async def _start_embedded(self, embedded: EmbeddedPostgres) -> URL:
        starting = asyncio.ensure_future(asyncio.to_thread(embedded.start))
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:  # Ctrl-C while it starts: let it finish, then stop it
            await asyncio.wait([starting])
            await asyncio.to_thread(embedded.stop)
            raise

    def _configured_url(self) -> URL:
        assert self._configured is not None
        try:
            url = make_url(self._configured.get_secret_value())
        except ArgumentError:
            raise SettingsError(
                "MEDLENS_DATABASE_URL is not an address such as postgresql://user:password@host:5432/medlens"
            ) from None
        if url.drivername not in ("postgres", "postgresql", DRIVER):
            raise SettingsError(f"MEDLENS_DATABASE_URL must begin with postgresql://, not {url.drivername}://")
        return url.set(drivername=DRIVER)

    def _unavailable(self, cause: BaseException | None) -> DatabaseUnavailable:
        address = self.url.set(drivername="postgresql").render_as_string(hide_password=True)
        reason = " ".join(str(cause).split()) or "no answer"
        advice = (
            "try again in a moment; if it stays away, restart medlens"
            if self._embedded
            else "start it, or unset MEDLENS_DATABASE_URL to use the embedded one"
        )
        return DatabaseUnavailable(f"no answer from the database {address}: {reason}; {advice}")


def _give_back(connecting: asyncio.Future[AsyncConnection]) -> None:
    """Cancel a connection that is being opened, or close it as soon as it is open."""
    connecting.cancel()
    connecting.add_done_callback(_close_late)


def _close_late(connecting: asyncio.Future[AsyncConnection]) -> None:
    """Close a connection that was opened after its caller had given up."""
    if not connecting.cancelled() and connecting.exception() is None:
        _closing.add(closing := asyncio.ensure_future(connecting.result().close()))
        closing.add_done_callback(_closing.discard)


_closing: set[asyncio.Future[None]] = set()  # held until they have ended: the loop itself remembers no task


async def _is_current(connection: AsyncConnection) -> bool:
    migrated = await connection.scalar(text("SELECT to_regclass('alembic_version') IS NOT NULL"))
    return bool(migrated) and await connection.scalar(text("SELECT version_num FROM alembic_version")) == newest_revision()
