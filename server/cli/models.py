"""`medlens models`: lists the weights and whether they are present; `pull` fetches others from their hub onto this machine."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID

app = typer.Typer(help="The weights: known, present, fetched.", invoke_without_command=True)
MIB = 1024 * 1024


@app.callback()
def models(context: typer.Context) -> None:
    """The weights: known, present, fetched."""
    if context.invoked_subcommand is None:
        _list()


def _list() -> None:
    from rich.console import Console
    from rich.table import Table

    from server.models.members import FETCHED
    from server.models.registry import REMOTE, SHIPPED
    from server.settings import load_settings

    folder = load_settings().data_dir / FETCHED
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bright_black")
    for heading in ("model", "here", "size", "licence", "from", "used by"):
        table.add_column(heading, overflow="fold")
    for shipped in SHIPPED:
        size = f"{shipped.path.stat().st_size / MIB:.0f} MB" if shipped.present() else ""
        table.add_row(shipped.name, "yes" if shipped.present() else "no", size, shipped.licence, shipped.source, "the default")
    for remote in REMOTE.values():
        here = "yes" if remote.present(folder) else "no"
        table.add_row(remote.name, here, f"{remote.size / MIB:.0f} MB", remote.licence, remote.source, remote.setting)
    console = Console()
    console.print(table)
    _list_ensembles(console)


def _list_ensembles(console: Console) -> None:
    """The shipped ensemble and those refitted from corrections, and which of them is in use."""
    from rich.table import Table

    from server.contract.errors import MedlensError
    from server.models.ensembles import SHIPPED, refits
    from server.models.members import kinds
    from server.models.version import members_key
    from server.settings import load_settings

    settings = load_settings()
    try:
        key = members_key(settings, kinds(settings))
    except MedlensError:
        key = None  # members whose weights are not here have no ensemble yet
    kept = refits(settings.data_dir, key)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bright_black")
    for heading in ("ensemble", "judges", "corrections", "validation", "made"):
        table.add_column(heading, overflow="fold")
    judging = next((one.name for one in kept if one.in_use and one.fits), SHIPPED)
    table.add_row(SHIPPED, "yes" if judging == SHIPPED else "no", "", "", "")
    for one in kept:
        origin = one.content.get("feedback", {})
        figures = " to ".join(f"{origin[when]['accuracy']:.2%}" for when in ("before", "after") if when in origin)
        state = "yes" if one.name == judging else "no" if one.fits else "made for other weights"
        table.add_row(one.name, state, str(origin.get("learned", {}).get("n", "")), figures, str(one.content.get("created", "")))
    console.print()
    console.print(table)


@app.command()
def restore(name: Annotated[str, typer.Argument(help="An ensemble that `medlens models` lists.")] = "shipped") -> None:
    """Use another ensemble from the next scan on: the shipped one, or one refitted before."""
    from server.models.ensembles import choose
    from server.settings import load_settings

    choose(load_settings().data_dir, name)
    print(f"{name} judges from the next scan on")


@app.command()
def pull(name: str) -> None:
    """Fetch a model from its hub; resumes a download that was cut off."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    from server.models.hub import pull as fetch
    from server.models.members import FETCHED
    from server.models.registry import lookup
    from server.settings import load_settings

    remote = lookup(name)
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        tasks: dict[str, TaskID] = {}

        def report_progress(present: int, size: int | None, file: str) -> None:
            if file not in tasks:
                tasks[file] = progress.add_task(file, total=size)
            progress.update(tasks[file], completed=present, total=size)

        folder = asyncio.run(fetch(remote, load_settings().data_dir / FETCHED, report_progress))
    print(f"{remote.name} is in {folder}; use it with {remote.setting}")
