"""`medlens batch`: puts many targets on the queue of a running service, and can wait for them.

Addresses are queued as they are, local files with their bytes, because a worker may be on another machine.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from server.contract.errors import MedlensError, RequestError, TooLarge

if TYPE_CHECKING:
    from server.contract.records import Source
    from server.jobs.queue import Queue
    from server.settings import Settings
    from server.store.database import Database

POLL_S = 1.0  # how often --wait reads the status of each scan
TARGET_CELLS = 100  # characters shown of a target

PACE_S = 1.0  # between two pages of a sitemap that are put on the queue, so that nobody's server feels it
DEFAULT_LIMIT = 100  # pages of a sitemap; a site may list 50,000, and nobody means them all by accident

TargetList = Annotated[
    str | None, typer.Argument(metavar="FILE|-", help="Targets, one a line; lines that begin with # are left out.")
]
SitemapUrl = Annotated[str | None, typer.Option("--sitemap", metavar="URL", help="Instead of FILE: the pages of a site's sitemap.")]
Limit = Annotated[int, typer.Option("--limit", metavar="N", min=1, help="Pages of the sitemap that are queued.")]
Wait = Annotated[bool, typer.Option("--wait", help="Wait until all are done.")]


def batch(targets: TargetList = None, sitemap: SitemapUrl = None, limit: Limit = DEFAULT_LIMIT, wait: Wait = False) -> None:
    """Put many targets on the queue."""
    from server.settings import load_settings

    if (targets is None) == (sitemap is None):
        raise typer.BadParameter("give either FILE (or -) or --sitemap URL")
    if sitemap is not None:
        raise typer.Exit(1 if asyncio.run(queue_sitemap(load_settings(), sitemap, limit, wait=wait)) else 0)
    assert targets is not None
    lines = [line.strip() for line in _read_list(targets).splitlines() if line.strip() and not line.lstrip().startswith("#")]
    raise typer.Exit(1 if asyncio.run(queue_targets(load_settings(), lines, wait=wait)) else 0)


def _read_list(file: str) -> str:
    """The text of the target list. Raises RequestError for a file that cannot be read or is not UTF-8 text."""
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise RequestError(f"{file!r} cannot be read: {reason}") from None


async def queue_sitemap(settings: Settings, url: str, limit: int, *, wait: bool, pace_s: float = PACE_S) -> int:
    """Queue a scan of each page that the sitemap lists and robots.txt allows, one in `pace_s` or MEDLENS_HOST_DELAY_S seconds.

    Says on stderr what was left out. Returns how many could not be queued or, with `wait`, failed.
    """
    from server.source.fetch import Fetcher
    from server.source.guard import Guard
    from server.source.sitemap import Sitemap

    sitemap = Sitemap(url, Fetcher(Guard(settings), settings).read)

    async def pages() -> AsyncIterator[str]:
        async for page in sitemap.pages(limit):
            yield page
            await asyncio.sleep(max(pace_s, settings.host_delay_s))

    failed = await _queue(settings, pages(), wait=wait)
    for number, what in (
        (len(sitemap.disallowed), "pages that robots.txt asks programs not to open"),
        (sitemap.other_hosts, "addresses of other hosts"),
        (len(sitemap.unread), "addresses or further sitemaps that cannot be read"),
    ):
        if number:
            print(f"medlens: left out: {number} {what}", file=sys.stderr)
    return failed


async def queue_targets(settings: Settings, targets: Sequence[str], *, wait: bool) -> int:
    """Queue a scan of each target and print its id, or why there is none.

    Returns how many could not be queued or, with `wait`, failed.
    """

    async def each() -> AsyncIterator[str]:
        for target in targets:
            yield target

    return await _queue(settings, each(), wait=wait)


async def _queue(settings: Settings, targets: AsyncIterator[str], *, wait: bool) -> int:
    from server.jobs.queue import Queue
    from server.store.database import Database

    failed = 0
    async with Database(settings) as database:
        await database.migrate()
        async with Queue(database) as queue:
            queued: dict[UUID, str] = {}
            async for target in targets:
                try:
                    scan_id = await _create_scan(database, settings, target)
                except MedlensError as error:
                    failed += 1
                    print(f"medlens: {_shown(target)}: {error}", file=sys.stderr)
                    continue
                await queue.enqueue(scan_id, "batch")
                queued[scan_id] = target
                print(f"{scan_id}  queued  {_shown(target)}", flush=True)
            if queued and wait:
                failed += await _wait(database, queue, queued)
    return failed


async def _create_scan(database: Database, settings: Settings, target: str) -> UUID:
    from server.kinds.registry import kind_by_name
    from server.source.address import normalise, refuse_login
    from server.source.open import names_a_path
    from server.store import scans

    if not names_a_path(target):
        refuse_login(target)
        url = normalise(target)
        return await scans.create(database, kind=kind_by_name(url) or "page", target=target, url=url)
    source, files = await asyncio.to_thread(_read_files, settings, Path(target))
    return await scans.create(database, kind=source.kind, target=source.title or target, title=source.title, files=files)


def _read_files(settings: Settings, path: Path) -> tuple[Source, list[tuple[str | None, bytes]]]:
    """The source that a path names, and its files (name, bytes).

    Raises what open_path and walk_folder raise, and TooLarge when together they are larger than one upload may be.
    """
    from server.source.open import open_path, walk_folder

    source = open_path(path)
    parts = list(walk_folder(path)) if source.kind == "folder" else [source]
    paths = [part.path for part in parts if part.path]
    if sum(part.stat().st_size for part in paths) > settings.max_download_bytes:
        raise TooLarge(
            f"{path} is larger than {settings.max_download_bytes} bytes (MEDLENS_MAX_DOWNLOAD_BYTES); `medlens scan` reads it here"
        )
    return source, [(part.name, part.read_bytes()) for part in paths]


async def _wait(database: Database, queue: Queue, queued: dict[UUID, str]) -> int:
    """Print the status of each scan when it has finished; returns how many failed."""
    from server.contract.records import FINISHED
    from server.store import scans

    failed = 0
    if not await queue.workers():
        print("medlens: no worker is running; start `medlens serve` or `medlens worker`", file=sys.stderr)
    while queued:
        for scan_id in list(queued):
            status = await scans.status_of(database, scan_id)
            if status in FINISHED:
                failed += status == "failed"
                print(f"{scan_id}  {status}  {_shown(queued.pop(scan_id))}", flush=True)
        await asyncio.sleep(POLL_S)
    return failed


def _shown(target: str) -> str:
    from server.cli.report_table import plain
    from server.source.address import split_login

    return plain(split_login(target)[0], TARGET_CELLS)
