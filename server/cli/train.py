"""`medlens train`: trains the members and fits the ensemble; a run that was cut off resumes. The recipes are in server/training."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import typer

from server.contract.errors import Cancelled

app = typer.Typer(help="Train the members and fit the ensemble.", no_args_is_help=True)

Data = Annotated[
    Path, typer.Option(metavar="DIR", help="A folder with manifest.csv (file, label, ...), or with a folder per modality.")
]
Work = Annotated[Path, typer.Option(metavar="DIR", help="Logs, decoded pixels, resume states, checkpoints.")]
Threads = Annotated[int, typer.Option(min=0, help="Threads of the training; 0 is torch's choice.")]
Arch = Annotated[Literal["efficientnet_lite0", "mobilenet_v2", "vgg16"], typer.Option(help="The network.")]
Weights = Annotated[str, typer.Option(help="What it starts from: imagenet, none, or a checkpoint of ours.")]
Recipe = Annotated[Literal["default", "origin"], typer.Option(help="Our recipe, or that of the origin's VGG-16.")]
Tune = Annotated[
    bool, typer.Option("--tune", help="Tune all layers of a Lite0 (hours), not its head alone (minutes). Others always are.")
]
Epochs = Annotated[int | None, typer.Option(min=1, help="Of tuning.")]
PerEpoch = Annotated[int | None, typer.Option(min=1, help="Images an epoch.")]
Folds = Annotated[
    bool, typer.Option("--folds", help="Also train five networks that each leave whole origins out, and judge them there.")
]
Feedback = Annotated[bool, typer.Option("--feedback", help="Refit it from people's corrections in the database; needs no data.")]
CnnOut = Annotated[Path | None, typer.Option(metavar="FILE", help="Where the result is installed; else it stays under --work.")]
Out = Annotated[Path | None, typer.Option(metavar="FILE", help="Where the result goes; else the place it is served from.")]


@app.command()
def cnn(
    data: Data,
    work: Work = Path("runs"),
    arch: Arch = "efficientnet_lite0",
    weights: Weights = "imagenet",
    recipe: Recipe = "default",
    tune: Tune = False,
    epochs: Epochs = None,
    images_per_epoch: PerEpoch = None,
    threads: Threads = 0,
    folds: Folds = False,
    out: CnnOut = None,
) -> None:
    """Fit the CNN's head, or tune all its layers; go on where an earlier run was cut off."""
    from server.models.files import write_atomically
    from server.models.head_file import install
    from server.training.cnn.config import ORIGIN_VGG16, named_config
    from server.training.cnn.run_folds import run_folds
    from server.training.cnn.train_cnn import train_cnn
    from server.training.parts.train_parts import train_parts

    base = named_config(ORIGIN_VGG16 if recipe == "origin" else None)
    arch = base.arch if recipe == "origin" else arch
    config = replace(
        base, data=data, cache=work / "cache", out=work / arch, arch=arch, weights=weights,
        tune=tune or base.tune or arch != "efficientnet_lite0", threads=threads,
        epochs=epochs or base.epochs, images_per_epoch=images_per_epoch or base.images_per_epoch,
    )  # fmt: skip
    try:
        if folds:
            run_folds(replace(config, out=work), work / "oof", work / "folds.jsonl")
        made = train_cnn(config)
        parts = () if config.tune else (train_parts(config)[0],)
    except (KeyboardInterrupt, Cancelled):
        print(f"stopped; the same command goes on from {config.out}")
        raise typer.Exit(130) from None
    written = install(made, out) if out else (made,)
    if out:
        for path in parts:
            write_atomically(out.with_name(path.name), path.read_bytes())
    print(*written, *(out.with_name(path.name) if out else path for path in parts), sep="\n")


@app.command()
def clip(data: Data, work: Work = Path("runs"), threads: Threads = 2) -> None:
    """Fit the compact CLIP to the CNN's features; minutes."""
    from server.training.clip.run_clip import train_clip

    result = train_clip(data, work=work, threads=threads)
    print(result.zero_shot)


@app.command()
def kmeans(data: Data, work: Work = Path("runs"), threads: Threads = 2) -> None:
    """Cluster the CNN's features; minutes."""
    from server.training.ensemble.fit_kmeans import fit_kmeans

    print(fit_kmeans(data, work=work, threads=threads)["held_out"])


@app.command()
def ensemble(
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A folder with manifest.csv, or with a folder per modality.")
    ] = None,
    work: Work = Path("runs"),
    out: Out = None,
    feedback: Feedback = False,
) -> None:
    """Fit the ensemble on the members' out-of-fold predictions, or from corrections; seconds."""
    if feedback:
        from server.cli.refit import refit_from_corrections
        from server.settings import load_settings

        name = asyncio.run(refit_from_corrections(load_settings()))
        print(f"{name} judges from the next scan on; `medlens models restore` goes back")
        return
    if data is None:
        raise typer.BadParameter("--data DIR says what to fit on; --feedback needs none")
    from server.models.ensembles import SHIPPED_FILE
    from server.training.data.dataset import read_rows
    from server.training.ensemble.fit_ensemble import fit_ensemble, read_predictions
    from server.training.ensemble.validation import FILE_NAME, write_validation

    target = out or SHIPPED_FILE
    print(fit_ensemble(data, work / "oof", target))
    write_validation(read_predictions(work / "oof", read_rows(data)), target.with_name(FILE_NAME))
