"""`medlens corpus`: judges the images of very many documents, in this process or on Ray, and writes Parquet; can be continued."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from server.corpus.run import Summary

# Seconds between two requests to one host, and obedience to robots.txt, unless the settings say otherwise: nobody watches a corpus.
POLITE: dict[str, Any] = {"host_delay_s": 1.0, "robots": "obey"}

SourceArgument = Annotated[
    str, typer.Argument(metavar="SOURCE", help="A folder, a list of addresses, a web archive, a Parquet file.")
]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder of the results; a run that was stopped goes on there.")]
Engine = Annotated[Literal["local", "ray"], typer.Option(help="This process, or Ray: all cores, or a cluster.")]
Actors = Annotated[int | None, typer.Option(metavar="N", min=1, help="With ray: model actors; else one a GPU, or for two cores.")]
Address = Annotated[str | None, typer.Option("--address", metavar="HOST:PORT", help="With ray: a running cluster; else one here.")]
BytesColumn = Annotated[str | None, typer.Option("--bytes-column", metavar="NAME", help="The column of a Parquet file with files.")]
UrlColumn = Annotated[str | None, typer.Option("--url-column", metavar="NAME", help="The column with addresses instead.")]
AsJson = Annotated[bool, typer.Option("--json", help="One line on stdout at the end, nothing else.")]


def corpus(
    source: SourceArgument,
    out: Out,
    engine: Engine = "local",
    actors: Actors = None,
    address: Address = None,
    bytes_column: BytesColumn = None,
    url_column: UrlColumn = None,
    as_json: AsJson = False,
) -> None:
    """Judge the images of very many documents; writes Parquet by modality, and goes on where it was stopped."""
    from server.cli.ending import INTERRUPTED, until_asked
    from server.corpus.listing import Columns, open_corpus
    from server.corpus.on_ray import RayOptions
    from server.corpus.run import run_corpus
    from server.logs import configure
    from server.settings import load_settings, origin_of

    if bytes_column and url_column:
        raise typer.BadParameter("give either --bytes-column or --url-column")
    if engine == "local" and (actors or address):
        raise typer.BadParameter("--actors and --address are for --engine ray")
    settings = load_settings(**{name: value for name, value in POLITE.items() if origin_of(name) == "default"})
    configure(settings)
    found = open_corpus(source, Columns(bytes_column, url_column))
    out = out.expanduser().absolute()
    with redirect_stdout(sys.stderr), _progress() as on_progress:  # Ray reports lost nodes on stdout
        work = run_corpus(found, out, settings, engine, RayOptions(address, actors), on_progress)
        summary = asyncio.run(until_asked(work, status=INTERRUPTED))
    facts = _facts(summary, source, out, engine)
    print(json.dumps(facts) if as_json else _words(facts))
    raise typer.Exit(1 if summary.counts["failed"] else 0)


def _facts(summary: Summary, source: str, out: Path, engine: str) -> dict[str, Any]:
    counts, prefix = summary.counts, "modality."
    return {
        "source": source,
        "out": str(out),
        "engine": engine,
        "model_version": summary.model_version,
        **{name: counts[name] for name in ("documents", "failed", "images", "judged", "errors")},
        "by_modality": {name.removeprefix(prefix): number for name, number in sorted(counts.items()) if name.startswith(prefix)},
        "grouped": summary.grouped,
        "done_before": summary.before,
        "documents_this_run": summary.documents,
        "seconds": round(summary.seconds, 2),
        "documents_per_second": round(summary.documents / summary.seconds, 3),
    }


def _words(facts: dict[str, Any]) -> str:
    modalities = ", ".join(f"{number:,} {name}" for name, number in facts["by_modality"].items()) or "none"
    before = f" ({facts['done_before']:,} of them before)" if facts["done_before"] else ""
    near = "" if facts["grouped"] is not None else "near duplicates were not grouped: too many images (docs/scale.md)\n"
    return near + (
        f"{facts['documents']:,} documents{before}, {facts['failed']:,} failed, {facts['errors']:,} errors\n"
        f"{facts['images']:,} images, {facts['judged']:,} judged: {modalities}\n"
        f"{facts['seconds']:,.1f} s, {facts['documents_per_second']:,.1f} documents a second; {facts['out']}"
    )


@contextmanager
def _progress() -> Iterator[Callable[[int, int | None, Counter[str]], None]]:
    """A bar on stderr with documents, images, errors, rate and time left; nothing when stderr is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (
        BarColumn(24),
        MofNCompleteColumn(),
        TextColumn("documents  {task.fields[counts]}", style="bright_black"),
        TimeElapsedColumn(),
        TextColumn("left", style="bright_black"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("corpus", total=None, counts="")

        def show(done: int, total: int | None, counts: Counter[str]) -> None:
            speed = progress.tasks[0].speed
            rate = f"  {speed:,.1f} a second" if speed else ""
            words = f"{counts['images']:,} images  {counts['errors']:,} errors{rate}"
            progress.update(task, completed=done, total=total, counts=words)

        yield show
