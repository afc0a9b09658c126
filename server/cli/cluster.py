"""`medlens cluster`: groups the images of a folder without labels; writes a CSV, folders and a sheet of the clusters."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="A folder of images.")]
Clusters = Annotated[int | None, typer.Option(metavar="K", help="How many; else the number that separates best.")]
Features = Annotated[Literal["cnn", "mobilenet_v2", "clip"], typer.Option(help="Features to group by.")]
Out = Annotated[Path, typer.Option(metavar="CSV", help="file, cluster, name, confidence, distance.")]
Folders = Annotated[Path | None, typer.Option(metavar="DIR", help="Also copy the images into a folder per cluster.")]
Sheet = Annotated[Path | None, typer.Option(metavar="PNG", help="The cluster sheet; else beside the CSV.")]


def cluster(
    folder: Folder, out: Out, clusters: Clusters = None, features: Features = "cnn", folders: Folders = None, sheet: Sheet = None
) -> None:
    """Group images by what they look like, without any training, and name the groups."""
    from rich.console import Console
    from rich.progress import Progress

    from server.clustering.cluster import cluster_folder
    from server.clustering.output import draw_sheet, save_table, sort_into_folders
    from server.contract.percent import percent
    from server.logs import configure
    from server.settings import load_settings

    settings = load_settings()
    configure(settings)
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("reading", total=None)

        def report_progress(step: str, done: int, count: int) -> None:
            progress.update(task, description=step, completed=done, total=count)

        found = cluster_folder(folder, settings, clusters=clusters, features=features, progress=report_progress)
    save_table(found, out)
    sheet = sheet or out.with_suffix(".png")
    draw_sheet(found, sheet)
    if folders:
        sort_into_folders(found, folders)
    for number, one in enumerate(found.clusters):
        print(f"{number:3}  {one.name:14} {one.size:6} images  {percent(one.confidence, 1):>7}")
    silhouette = "" if found.silhouette is None else f", silhouette {found.silhouette:.3f}"
    print(f"{len(found.files)} images, {len(found.skipped)} unreadable{silhouette}; {out}, {sheet}")
