"""`medlens token`: the API token for the extension and for scripts, and fresh one-time links to the dashboard."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from server.settings import load_settings

Rotate = Annotated[bool, typer.Option("--rotate", help="Make a new one; the old one is refused from now on.")]
Link = Annotated[bool, typer.Option("--link", help="A one-time link to the dashboard instead.")]


def token(rotate: Rotate = False, link: Link = False) -> None:
    """The API token, made at first start."""
    from server.store import access
    from server.store.database import Database
    from server.web.http.token import Token
    from server.web.pages.login import login_link

    settings = load_settings()
    held = Token(settings)

    async def with_database() -> str:
        async with Database(settings) as database:
            await database.migrate()
            if rotate:
                held.rotate()
                await access.close_all(database)  # who had signed in with the old one signs in again
            return await login_link(database, settings) if link else held.value

    print(asyncio.run(with_database()) if rotate or link else held.value)
