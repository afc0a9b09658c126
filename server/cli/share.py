"""`medlens share`: a scan or a collection as a folder of HTML that opens without a server."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from server.store.database import Database
    from server.web.files.rows import Shown


def share(
    what: Annotated[str, typer.Argument(metavar="COLLECTION|SCAN_ID", help="the name or id of a collection, or the id of a scan")],
    out: Annotated[Path, typer.Option(help="the folder to write; it is made, or must be empty")],
) -> None:
    """Write a scan or a collection as a folder of HTML: index.html, and copies of the images. It opens without a server."""
    from server.contract.errors import RequestError

    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise RequestError(f"{out} is not an empty folder")
    typer.echo(asyncio.run(_written(what, out)))


async def _written(what: str, out: Path) -> str:
    from contextlib import aclosing

    from server.settings import load_settings
    from server.store.database import Database
    from server.web.files.share import folder

    async with Database(load_settings()) as database:
        await database.migrate()
        shown = await _found(database, what)
        copies = 0
        async with aclosing(folder(database, shown)) as files:
            async for name, data in files:
                path = out / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
                copies += name.startswith("images/")
    return f"{out / 'index.html'}: {shown.name}, {copies} images"


async def _found(database: Database, what: str) -> Shown:
    """The scan or collection of this id or name; NotFound if there is none."""
    from uuid import UUID

    from server.contract.errors import NotFound
    from server.store import collections
    from server.store.named_sets import key_of
    from server.web.files.rows import Shown, scan_shown

    for one in await collections.collections(database):
        if str(one.id) == what or key_of(one.name) == key_of(what):
            return Shown(one.id, one.name, is_collection=True)
    try:
        return await scan_shown(database, UUID(what))
    except (ValueError, NotFound):
        raise NotFound(f'there is no collection "{what}", and no scan of this id') from None
