"""`medlens scan`: scans pages, PDFs, images, DICOM files and folders in this process, without a server; verdicts are cached too.

Progress and tables are for people. With --json stdout carries one Report a line and nothing else; everything else goes to stderr.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from server.contract.records import JudgedImage, Report, Source, SourceKind
    from server.scan.runner import Opener, ScanRunner
    from server.settings import Settings

TargetArgument = Annotated[
    list[str], typer.Argument(metavar="TARGET...", help="A page's, PDF's, image's or DICOM file's address, a file, a folder.")
]
AsJson = Annotated[bool, typer.Option("--json", help="One Report a line on stdout, nothing else.")]
Csv = Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Also write one row an image.")]
Save = Annotated[Path | None, typer.Option("--save", metavar="DIR", help="Also sort the images into a folder per modality.")]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Judge again what was judged before.")]
Members = Annotated[str | None, typer.Option("--members", metavar="NAMES", help="Who votes, such as cnn,clip,kmeans.")]


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for."""

    as_json: bool = False
    csv: Path | None = None
    save: Path | None = None
    no_cache: bool = False


def scan(
    targets: TargetArgument,
    as_json: AsJson = False,
    csv: Csv = None,
    save: Save = None,
    no_cache: NoCache = False,
    members: Members = None,
) -> None:
    """Say which images of the targets are medical, of which modality and how sure that is."""
    from server.cli.ending import INTERRUPTED, until_asked
    from server.settings import load_settings

    settings = load_settings(**({"members": members} if members else {}))
    options = Options(as_json=as_json, csv=csv, save=save, no_cache=no_cache)
    failed = asyncio.run(until_asked(scan_targets(settings, targets, options), status=INTERRUPTED))
    raise typer.Exit(1 if failed else 0)


async def scan_targets(settings: Settings, targets: Sequence[str], options: Options) -> int:
    """Scan the targets one after the other and show their Reports; returns how many failed.

    Raises SettingsError for an unknown member.
    """
    from rich.console import Console

    from server.cli.report_table import show
    from server.cli.save import Sorter
    from server.contract.report import report_json
    from server.logs import configure
    from server.models.members import kinds
    from server.scan.resources import open_resources
    from server.scan.runner import ScanRunner
    from server.store.database import Database

    configure(settings)
    kinds(settings)
    sorter = Sorter(options.save) if options.save else None
    rows = CsvFile(options.csv) if options.csv else None
    console, failed = Console(), 0
    async with Database(settings) as database, open_resources(settings) as resources:
        await database.migrate()
        runner = ScanRunner(database, resources)
        for target in targets:
            with _progress(target) as count:
                observers = [count, sorter.take] if sorter else [count]
                report = await _scan_one(runner, settings, target, options.no_cache, observers)
            failed += report.status == "failed"
            if options.as_json:
                print(json.dumps(report_json(report), ensure_ascii=False), flush=True)
            else:
                show(report_json(report), console)
            if rows:
                rows.add(report)
    return failed


async def _scan_one(
    runner: ScanRunner, settings: Settings, target: str, no_cache: bool, observers: list[Callable[[JudgedImage], None]]
) -> Report:
    """Scan one target; each of `observers` is called with every image as it is judged."""
    from server.kinds.registry import kind_by_name
    from server.source.address import split_login
    from server.source.open import names_a_path
    from server.store import scans

    def on_judged(judged: JudgedImage) -> None:
        for observer in observers:
            observer(judged)

    local = names_a_path(target)
    options = {"no_cache": no_cache, "members": list(settings.members)}
    kind = _kind_of_path(Path(target)) if local else kind_by_name(target) or "page"  # corrected when the source is opened
    target, login = (target, None) if local else split_login(target)  # what is stored and shown has no password
    scan_id = await scans.create(runner.database, kind=kind, target=target, url=None if local else target, options=options)
    try:
        await runner.run_scan(scan_id, _opener(target) if local else None, on_judged, login)
    except asyncio.CancelledError:
        await asyncio.shield(scans.finish(runner.database, scan_id, status="cancelled"))
        raise
    return await scans.report(runner.database, scan_id)


def _kind_of_path(path: Path) -> SourceKind:
    from server.kinds.registry import kind_by_name

    try:
        is_folder = path.expanduser().is_dir()
    except (OSError, RuntimeError, ValueError):  # what open_path raises an error of ours for
        is_folder = False
    return "folder" if is_folder else kind_by_name(path.name) or "unknown"


def _opener(target: str) -> Opener:
    from server.source.open import open_path

    async def opener() -> Source:
        return open_path(Path(target))

    return opener


@contextmanager
def _progress(target: str) -> Iterator[Callable[[JudgedImage], None]]:
    """A line on stderr that counts judged images; nothing when stderr is no terminal. It is removed before the table is printed."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from server.cli.report_table import plain
    from server.source.address import split_login

    console = Console(stderr=True)
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TextColumn("{task.fields[counts]}", style="bright_black"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(plain(split_login(target)[0], 50), total=None, counts="opening")
        judged = medical = 0

        def count(one: JudgedImage) -> None:
            nonlocal judged, medical
            judged, medical = judged + 1, medical + one.shown.is_medical
            progress.update(task, counts=f"{judged} judged, {medical} medical")

        yield count


class CsvFile:
    """The file of --csv: one row per image, in the columns of the service's CSV export. An existing file is replaced."""

    def __init__(self, path: Path) -> None:
        from server.web.api.exports import COLUMNS

        self._path = path
        self._write([COLUMNS], "w")

    def add(self, report: Report) -> None:
        from server.store.export import of_report
        from server.web.api.exports import csv_row

        self._write([csv_row(of_report(report, judged)) for judged in report.images], "a")

    def _write(self, rows: Sequence[Sequence[object]], mode: str) -> None:
        from server.contract.csv_table import write_csv

        with self._path.open(mode, newline="", encoding="utf-8") as file:
            write_csv(file, rows)
