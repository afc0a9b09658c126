"""What the shipped model must get right whatever else changes. Waits for final weights: an interim checkpoint's card says so."""

from collections.abc import AsyncIterator, Iterator
from csv import DictReader
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from server.classify.engine import Engine
from server.imaging.decode import decode
from server.models.checkpoint import SHIPPED_CNN, read_card
from server.models.members import kinds
from server.settings import load_settings
from tests.classify.drawings import chart, noise, raster_of

FINAL = SHIPPED_CNN.is_file() and not read_card(SHIPPED_CNN).name.startswith("interim")
pytestmark = pytest.mark.skipif(not FINAL, reason="the weights in this checkout are interim, or absent")
LIMIT = 10**8


@pytest.fixture(scope="module")
async def engine(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Engine]:
    folder = tmp_path_factory.mktemp("data")
    everyone = load_settings(data_dir=folder, device="cpu")
    present = tuple(kind.name for kind in kinds(everyone) if kind.present())
    made = Engine(load_settings(data_dir=folder, device="cpu", members=present))
    yield made
    await made.stop()


def page() -> Image.Image:
    """A page of text."""
    image = Image.new("RGB", (600, 800), "white")
    draw = ImageDraw.Draw(image)
    for line in range(40):
        draw.text((40, 20 + 19 * line), "The quick brown fox jumps over the lazy dog and goes on its way home. " * 2, fill="black")
    return image


def gradient() -> Image.Image:
    across = np.linspace(0, 255, 300, dtype=np.uint8)
    return Image.fromarray(
        np.stack([np.tile(across, (200, 1)), np.full((200, 300), 90, np.uint8), np.tile(across[::-1], (200, 1))], 2)
    )


@pytest.mark.parametrize(
    "drawn", [chart(), chart(300, 500), page(), noise(1), gradient()], ids=["chart", "tall", "page", "noise", "gradient"]
)
async def test_what_is_drawn_is_not_medical(engine: Engine, drawn: Image.Image) -> None:
    verdict = (await engine.judge(raster_of(drawn))).verdict
    assert not verdict.is_medical or verdict.uncertain


def dicom(pattern: str) -> Iterator[Image.Image]:
    from pydicom import dcmread
    from pydicom.data import get_testdata_file

    path = get_testdata_file(pattern)
    assert isinstance(path, str)
    values = dcmread(path).pixel_array.astype(np.float32)
    low, high = np.percentile(values, (1, 99))
    yield Image.fromarray(np.clip((values - low) / (high - low) * 255, 0, 255).astype(np.uint8)).convert("RGB")


@pytest.mark.parametrize(("name", "modality"), [("CT_small.dcm", "ct"), ("MR_small.dcm", "mri")])
async def test_pydicoms_own_scans_are_medical(engine: Engine, name: str, modality: str) -> None:
    (image,) = dicom(name)
    verdict = (await engine.judge(raster_of(image))).verdict
    assert verdict.is_medical or verdict.uncertain
    assert verdict.modality == modality or verdict.uncertain


async def test_the_samples_get_their_labels(engine: Engine, shared: Path) -> None:
    with (shared / "data" / "samples" / "CREDITS.csv").open(encoding="utf-8", newline="") as file:
        rows = list(DictReader(file))
    right = 0
    for row in rows:
        verdict = (await engine.judge(decode((shared / "data" / "samples" / row["file"]).read_bytes(), LIMIT))).verdict
        right += verdict.modality == row["label"]
    assert right >= 0.9 * len(rows)
