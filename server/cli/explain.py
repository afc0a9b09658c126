"""`medlens explain`: what the CNN looked at, as a heat map over the image."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

Image = Annotated[Path, typer.Argument(metavar="IMAGE", help="An image file.")]
Out = Annotated[Path | None, typer.Option(metavar="PNG", help="Where to; else beside the image, as NAME-heatmap.png.")]


def explain(image: Image, out: Out = None) -> None:
    """Show what the CNN looked at."""
    from server.classify.engine import Engine
    from server.contract.percent import percent
    from server.contract.words import headline, shows_percent
    from server.imaging.decode import decode
    from server.settings import load_settings
    from server.source.open import open_path

    settings = load_settings()
    target = out or image.with_name(f"{image.stem}-heatmap.png")

    async def run() -> str:
        assert open_path(image).path
        raster = decode(image.read_bytes(), settings.max_pixels)
        engine = Engine(settings)
        try:
            verdict = (await engine.judge(raster)).verdict
            target.write_bytes(await engine.heatmap(raster))
        finally:
            await engine.stop()
        return f"{headline(verdict)}, {percent(verdict.confidence, 1)}" if shows_percent(verdict) else headline(verdict)

    print(f"{asyncio.run(run())}: {target}")
