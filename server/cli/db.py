"""`medlens db`: migrations. `serve`, `worker` and `scan` migrate by themselves; this does it ahead of time."""

from __future__ import annotations

import asyncio

import typer

app = typer.Typer(help="The database.", no_args_is_help=True)


@app.callback()
def database() -> None:
    """The database."""


@app.command()
def upgrade() -> None:
    """Bring the tables to the newest schema."""
    from server.settings import load_settings
    from server.store.database import Database
    from server.store.migrations import newest_revision

    async def run() -> None:
        async with Database(load_settings()) as database:
            await database.migrate()

    asyncio.run(run())
    print(f"the database is at {newest_revision()}")
