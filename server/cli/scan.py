"""`medlens scan`: pages, PDFs, images, DICOM files and folders, without a running server; remembered all the same.

Progress and tables are for people. With --json stdout carries one Report a line and nothing else; everything else goes to stderr.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from server.settings import load_settings

Targets = Annotated[
    list[str], typer.Argument(metavar="TARGET...", help="A page's, PDF's, image's or DICOM file's address, a file, a folder.")
]
AsJson = Annotated[bool, typer.Option("--json", help="One Report a line on stdout, nothing else.")]
Csv = Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Also write one row an image.")]
Save = Annotated[Path | None, typer.Option("--save", metavar="DIR", help="Also sort the images into a folder per modality.")]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Judge again what was judged before.")]
Members = Annotated[str | None, typer.Option("--members", metavar="NAMES", help="Who votes, such as cnn,clip,kmeans.")]


def scan(
    targets: Targets,
    as_json: AsJson = False,
    csv: Csv = None,
    save: Save = None,
    no_cache: NoCache = False,
    members: Members = None,
) -> None:
    """Say which images of the targets are medical, of which modality and how sure that is."""
    from server.cli.scanning import Wish, scan_all

    settings = load_settings(**({"members": members} if members else {}))
    wish = Wish(tuple(targets), as_json=as_json, csv=csv, save=save, no_cache=no_cache)
    raise typer.Exit(1 if asyncio.run(scan_all(settings, wish)) else 0)
