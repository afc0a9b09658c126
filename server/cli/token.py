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
    from server.web.login import login_link
    from server.web.token import Token

    settings = load_settings()
    held = Token(settings)
    if rotate:
        held.rotate()
    if not link:
        print(held.value)
        return

    async def make() -> str:
        from server.store.database import Database

        async with Database(settings) as database:
            await database.migrate()
            return await login_link(database, settings)

    print(asyncio.run(make()))
