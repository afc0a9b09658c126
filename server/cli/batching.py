"""Writes targets down as scans and queues them: addresses as they are, local files by their bytes (workers may be elsewhere)."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from server.cli.report_table import plain
from server.contract.errors import MedlensError, TooLarge
from server.contract.records import FINISHED, Source, Status
from server.jobs.queue import Queue
from server.settings import Settings
from server.source.address import normalise
from server.source.kind import kind_by_name
from server.source.open import names_a_path, open_path, walk_folder
from server.store import scans
from server.store.database import Database

LOOK_EVERY_S = 1.0


async def run_batch(settings: Settings, targets: Sequence[str], *, wait: bool) -> int:
    """How many targets could not be queued or (with `wait`) failed. Prints a line for each: the scan's id, or why there is none."""
    failed = 0
    async with Database(settings) as database:
        await database.migrate()
        async with Queue(database) as queue:
            queued: dict[UUID, str] = {}
            for target in targets:
                try:
                    scan_id = await _create(database, settings, target)
                except MedlensError as error:
                    failed += 1
                    print(f"medlens: {plain(target)}: {error}", file=sys.stderr)
                    continue
                await queue.enqueue(scan_id)
                queued[scan_id] = target
                print(f"{scan_id}  queued  {plain(target, 100)}", flush=True)
            if queued and wait:
                failed += await _wait(database, queue, queued)
    return failed


async def _create(database: Database, settings: Settings, target: str) -> UUID:
    if not names_a_path(target):
        url = normalise(target)
        return await scans.create(database, kind=kind_by_name(url) or "page", target=target, url=url)
    source, files = await asyncio.to_thread(_read, settings, Path(target))
    return await scans.create(database, kind=source.kind, target=source.title or target, title=source.title, files=files)


def _read(settings: Settings, path: Path) -> tuple[Source, list[tuple[str | None, bytes]]]:
    """What a path is, and its files. Raises as open_path and walk_folder do, and TooLarge when one upload could not hold them."""
    source = open_path(path)
    parts = list(walk_folder(path)) if source.kind == "folder" else [source]
    paths = [part.path for part in parts if part.path]
    if sum(part.stat().st_size for part in paths) > settings.max_download_bytes:
        raise TooLarge(
            f"{path} is larger than {settings.max_download_bytes} bytes (MEDLENS_MAX_DOWNLOAD_BYTES); `medlens scan` reads it here"
        )
    return source, [(part.name, part.read_bytes()) for part in paths]


async def _wait(database: Database, queue: Queue, queued: dict[UUID, str]) -> int:
    failed = 0
    if not await queue.workers():
        print("medlens: no worker is running; start `medlens serve` or `medlens worker`", file=sys.stderr)
    while queued:
        for scan_id in list(queued):
            status: Status = await scans.status_of(database, scan_id)
            if status in FINISHED:
                failed += status == "failed"
                print(f"{scan_id}  {status}  {plain(queued.pop(scan_id), 100)}", flush=True)
        await asyncio.sleep(LOOK_EVERY_S)
    return failed
