"""Makes docs/pictures/phantoms.jpg: some of each phantom that the CNN's head learns from beside the labelled pictures.

.venv/bin/python -m docs.making.phantoms
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from server.training.augment.marks import font
from server.training.drawn.phantoms import PHANTOMS

OUT = Path(__file__).resolve().parents[1] / "pictures" / "phantoms.jpg"
EACH, TILE, GAP, LABEL, BLOCKS = 6, 76, 4, 124, 2  # pictures a kind; pixels; columns of kinds
INK, PAPER = (30, 42, 50), (243, 245, 246)


def sheet() -> Image.Image:
    """A row of EACH pictures a kind, BLOCKS kinds beside each other, by label."""
    step, down = TILE + GAP, -(-len(PHANTOMS) // BLOCKS)
    wide = LABEL + EACH * step + 3 * GAP
    image = Image.new("RGB", (BLOCKS * wide, down * step + GAP), PAPER)
    draw, large, small = ImageDraw.Draw(image), font(13), font(11)
    for at, (name, (label, make)) in enumerate(PHANTOMS.items()):
        left, top = at // down * wide + GAP, at % down * step + GAP
        draw.text(
            (left + 6, top + TILE / 2 - 9),
            name.replace("_", " ").replace(" ct", " CT").replace(" mr", " MR"),
            fill=INK,
            font=large,
            anchor="lm",
        )
        draw.text((left + 6, top + TILE / 2 + 9), label.replace("_", " "), fill=(92, 108, 118), font=small, anchor="lm")
        for number in range(EACH):
            picture = make(np.random.default_rng((at, number)))
            picture.thumbnail((TILE, TILE), Image.Resampling.LANCZOS)
            x = left + LABEL + number * step + (TILE - picture.width) // 2
            image.paste(picture, (x, top + (TILE - picture.height) // 2))
    return image


if __name__ == "__main__":
    sheet().save(OUT, quality=72, optimize=True, progressive=True)
