"""A tiny labelled set drawn by formula: six classes that differ in colour and stripes, three origins each."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from server.contract.modalities import MODALITIES


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Path:
    """A folder with manifest.csv: 6 classes x 4 origins x 3 images of 48 x 40 pixels."""
    folder = tmp_path_factory.mktemp("tiny")
    rng = np.random.default_rng(5)
    with (folder / "manifest.csv").open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["file", "label", "kind", "origin", "group"])
        for k, label in enumerate(MODALITIES):
            for origin in range(4):
                for i in range(3):
                    pixels = rng.integers(0, 60, (40, 48, 3))
                    pixels[:, :: k + 2] += 100
                    pixels[..., k % 3] += 90
                    name = f"{label}-{origin}-{i}.png"
                    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / name)
                    out.writerow([name, label, f"kind {k % 2}", f"{label}-origin-{origin}", f"g{i}"])
    return folder
