"""`medlens explain`: what the CNN looked at, as a heat map over the picture."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from server.settings import load_settings

Image = Annotated[Path, typer.Argument(metavar="IMAGE", help="An image file.")]
Out = Annotated[Path | None, typer.Option(metavar="PNG", help="Where to; else beside the image, as NAME-heatmap.png.")]


def explain(image: Image, out: Out = None) -> None:
    """Show what the CNN looked at."""
    from server.classify.engine import Engine
    from server.cli.report_table import NAMES
    from server.imaging.decode import decode
    from server.source.open import open_path

    settings = load_settings()
    target = out or image.with_name(f"{image.stem}-heatmap.png")

    async def run() -> str:
        assert open_path(image).path
        picture = decode(image.read_bytes(), settings.max_pixels)
        engine = Engine(settings)
        try:
            verdict = (await engine.judge(picture)).verdict
            target.write_bytes(await engine.heatmap(picture))
        finally:
            await engine.stop()
        return f"{NAMES[verdict.modality]}, {min(99.9, verdict.confidence * 100):.1f} %{', uncertain' if verdict.uncertain else ''}"

    print(f"{asyncio.run(run())}: {target}")
