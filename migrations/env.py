"""How Alembic connects: through the connection that the program passes in, else (command line) as the settings say."""

from __future__ import annotations

import asyncio

from alembic import context
from sqlalchemy import Connection
from sqlalchemy.sql.schema import SchemaItem

from server.settings import load_settings
from server.store.daily import figures_days
from server.store.database import Database
from server.store.host_turns import host_turns
from server.store.named_sets import named_sets
from server.store.review import review_queue
from server.store.saved_filters import saved_filters
from server.store.tables import scans

# one of each module that adds tables to the metadata
OURS = (scans, figures_days, review_queue, named_sets, host_turns, saved_filters)
OTHERS = "procrastinate_"  # the queue's tables have a migration of their own and are not in our metadata


def _is_ours(_item: SchemaItem, name: str | None, kind: str, _reflected: bool, _compared: SchemaItem | None) -> bool:
    return not (kind == "table" and name is not None and name.startswith(OTHERS))


def _run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=OURS[0].metadata, include_object=_is_ours)
    with context.begin_transaction():
        context.run_migrations()


async def _from_command_line() -> None:
    async with Database(load_settings()) as database, database.begin() as connection:
        await connection.run_sync(_run)


given: Connection | None = context.config.attributes.get("connection")
if given is not None:
    _run(given)
elif context.is_offline_mode():
    raise SystemExit("migrations run on a live database; drop --sql")
else:
    asyncio.run(_from_command_line())
