"""`medlens evaluate`: every figure of the serving engine on labelled images, for people or as the contract's JSON."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

Manifest = Annotated[
    Path, typer.Argument(metavar="MANIFEST.csv", help="Columns file (relative to it) and label; or a folder per modality.")
]
AsJson = Annotated[bool, typer.Option("--json", help="The figures as JSON on stdout, nothing else.")]
Members = Annotated[str | None, typer.Option(metavar="NAMES", help="Who votes, such as cnn,clip,kmeans.")]


def evaluate(manifest: Manifest, as_json: AsJson = False, members: Members = None) -> None:
    """Measure the models on labelled images: all members together, then each of several alone; per class, with calibration."""
    from rich.console import Console
    from rich.progress import Progress

    from server.classify.engine import Engine
    from server.logs import configure
    from server.panels.split import split_panels
    from server.settings import load_settings
    from server.training.evaluate import ENSEMBLE, evaluate_manifest

    settings = load_settings(**({"members": members} if members else {}))
    configure(settings)

    async def run() -> dict[str, Any]:
        alone = settings.members if len(settings.members) > 1 else ()
        engines = {ENSEMBLE: Engine(settings, split_panels=split_panels)} | {
            name: Engine(settings.model_copy(update={"members": (name,)}), split_panels=split_panels) for name in alone
        }
        console = Console(stderr=True)
        with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
            task = progress.add_task("judging", total=None)
            return await evaluate_manifest(
                manifest, engines, settings.max_pixels, lambda done, count: progress.update(task, completed=done, total=count)
            )

    figures = asyncio.run(run())
    if as_json:
        json.dump(figures, sys.stdout, indent=2)
        print()
    else:
        _show(figures)


def _show(figures: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    from server.contract.modalities import MODALITY_NAMES

    console = Console()
    members = figures["members"]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bright_black")
    table.add_column("")
    for name in ("ensemble", *members):
        table.add_column(name, justify="right")
    rows: dict[str, Callable[[dict[str, Any]], float | None]] = {
        "accuracy": lambda one: one["accuracy"],
        "balanced accuracy": lambda one: one["balanced_accuracy"],
        "macro F1": lambda one: one["macro_f1"],
        "five classes": lambda one: one["five_class"]["accuracy"],
        "medical AUROC": lambda one: one["medical"]["auroc"],
        "medical recall": lambda one: one["medical"]["recall"],
        "calibration error": lambda one: one["ece"],
        "abstained": lambda one: one["abstained"],
        "accuracy when sure": lambda one: one["accuracy_when_sure"],
        "images a second": lambda one: one["images_per_second"],
    }
    for name, read in rows.items():
        table.add_row(name, *(_number(read(one)) for one in (figures, *members.values())))
    for label, one in figures["per_class"].items():
        table.add_row(
            f"recall {MODALITY_NAMES[label]} ({one['n']})",
            *(_number(m["per_class"][label]["recall"]) for m in (figures, *members.values())),
        )
    console.print(table)
    console.print(
        f"\n{figures['n']} images, {figures['images_per_second']:.0f} a second, model {figures['model_version']}", highlight=False
    )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f}" if value > 1 else f"{value:.4f}"
