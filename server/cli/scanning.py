"""Scans targets one after the other in this process: the walk of the service, with progress for people, and no server needed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from server.cli.csv_rows import CsvFile
from server.cli.report_table import plain, show
from server.cli.save import Sorter
from server.contract.records import JudgedImage, Report, Source
from server.contract.report import report_json
from server.logs import configure
from server.models.members import kinds
from server.scan.resources import open_resources
from server.scan.runner import Opener, ScanRunner
from server.settings import Settings
from server.source.kind import kind_by_name
from server.source.open import names_a_path, open_path
from server.store import scans
from server.store.database import Database


@dataclass(frozen=True, slots=True)
class Wish:
    targets: tuple[str, ...]
    as_json: bool = False
    csv: Path | None = None
    save: Path | None = None
    no_cache: bool = False


async def scan_all(settings: Settings, wish: Wish) -> int:
    """Scan every target and show its Report; how many failed. Raises SettingsError for members that nobody knows."""
    configure(settings)
    kinds(settings)
    sorter = Sorter(wish.save) if wish.save else None
    rows = CsvFile(wish.csv) if wish.csv else None
    out, failed = Console(), 0
    async with Database(settings) as database, open_resources(settings) as resources:
        await database.migrate()
        runner = ScanRunner(database, resources)
        for target in wish.targets:
            with _progress(target) as count:
                watchers = [count, sorter.take] if sorter else [count]
                report = await _scan_one(runner, settings, target, wish.no_cache, watchers)
            failed += report.status == "failed"
            if wish.as_json:
                print(json.dumps(report_json(report), ensure_ascii=False), flush=True)
            else:
                show(report_json(report), out)
            if rows:
                rows.add(report)
    return failed


async def _scan_one(
    runner: ScanRunner, settings: Settings, target: str, no_cache: bool, watchers: list[Callable[[JudgedImage], None]]
) -> Report:
    def watch(judged: JudgedImage) -> None:
        for watcher in watchers:
            watcher(judged)

    local = names_a_path(target)
    options = {"no_cache": no_cache, "members": list(settings.members)}
    kind = kind_by_name(target) or ("folder" if local else "page")  # until its bytes say
    scan_id = await scans.create(runner.database, kind=kind, target=target, url=None if local else target, options=options)
    try:
        await runner.run_scan(scan_id, _opener(target) if local else None, watch)
    except asyncio.CancelledError:
        await asyncio.shield(_let_go(runner.database, scan_id))
        raise
    return await scans.report(runner.database, scan_id)


def _opener(target: str) -> Opener:
    async def opener() -> Source:
        return open_path(Path(target))

    return opener


async def _let_go(database: Database, scan_id: UUID) -> None:
    await scans.finish(database, scan_id, status="cancelled")


@contextmanager
def _progress(target: str) -> Iterator[Callable[[JudgedImage], None]]:
    """A line on stderr that counts what is judged; nothing when stderr is no terminal. It is gone when the table comes."""
    console = Console(stderr=True)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TextColumn("{task.fields[told]}", style="bright_black"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(plain(target, 50), total=None, told="opening")
        judged = medical = 0

        def count(one: JudgedImage) -> None:
            nonlocal judged, medical
            judged, medical = judged + 1, medical + one.verdict.is_medical
            progress.update(task, told=f"{judged} judged, {medical} medical")

        yield count
