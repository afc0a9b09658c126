"""`medlens token`: the API token for the extension and for scripts, and one-time links to the dashboard."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from server.settings import Settings
    from server.web.http.token import Token

Rotate = Annotated[bool, typer.Option("--rotate", help="Make a new one; the old one is refused from now on.")]
Link = Annotated[bool, typer.Option("--link", help="A one-time link to the dashboard instead.")]


def token(rotate: Rotate = False, link: Link = False) -> None:
    """The API token, made at first start."""
    from server.settings import load_settings
    from server.web.http.token import Token

    settings = load_settings()
    kept = Token(settings)
    print(asyncio.run(_with_database(settings, kept, rotate=rotate, link=link)) if rotate or link else kept.value)


async def _with_database(settings: Settings, kept: Token, *, rotate: bool, link: bool) -> str:
    """The link, or the new token, after which everyone who signed in with the old one must sign in again."""
    from server.store import access
    from server.store.database import Database
    from server.web.pages.login import login_link

    async with Database(settings) as database:
        await database.migrate()
        if rotate:
            kept.rotate()
            await access.close_all(database)
        return await login_link(database, settings) if link else kept.value
