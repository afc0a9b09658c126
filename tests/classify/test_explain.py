from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from server.classify.engine import Engine
from server.classify.explain import VIRIDIS, Explainer, colours, paint
from server.classify.inference import OpenVinoNetwork
from server.contract.errors import ModelError, WeightsMissing
from server.contract.modalities import MODALITIES
from server.models.calibration import probabilities
from server.models.checkpoint import load_cnn, read_card, save_checkpoint
from server.models.members import View, open_head
from server.settings import Settings
from tests.classify.drawings import chart, noise, raster_of


@pytest.fixture(scope="module")
def explainer(checkpoint: Path) -> Explainer:
    return Explainer(checkpoint)


def test_the_overlay_is_a_png_of_the_images_size(explainer: Explainer) -> None:
    with Image.open(BytesIO(explainer.overlay(noise(1, 321, 123)))) as overlay:
        assert (overlay.format, overlay.size, overlay.mode) == ("PNG", (321, 123), "RGB")


def test_by_default_the_cnns_own_answer_is_explained(explainer: Explainer, checkpoint: Path) -> None:
    image = noise(2)
    answer = MODALITIES[open_head("cnn", checkpoint).logits(View([image], OpenVinoNetwork(checkpoint).features([image]))).argmax()]
    np.testing.assert_array_equal(explainer.heat(image), explainer.heat(image, answer))


@pytest.mark.parametrize("mode", ["letterbox", "crop"])
def test_the_map_lies_over_what_the_network_saw(checkpoint: Path, tmp_path: Path, mode: str) -> None:
    cnn = load_cnn(checkpoint)
    cnn.preprocess = replace(cnn.preprocess, mode=mode)  # type: ignore[arg-type]
    save_checkpoint(tmp_path / "cnn.safetensors", cnn)
    explainer = Explainer(tmp_path / "cnn.safetensors")
    heat = next(heat for name in MODALITIES if (heat := explainer.heat(noise(3, 400, 200), name)).any())
    assert heat.shape == (200, 400)
    if mode == "crop":  # the middle 175 x 175 of 400 x 200
        assert not heat[:, :110].any()
        assert not heat[:, 290:].any()


def test_a_map_of_nothing_is_not_coloured_at_random() -> None:
    veiled = np.asarray(paint(Image.new("RGB", (8, 8), "black"), np.zeros((8, 8), np.float32)))
    assert len(np.unique(veiled.reshape(-1, 3), axis=0)) == 1


def test_the_colours_grow_evenly_lighter() -> None:
    """CIE lightness: equal steps of heat are nearly equal steps to the eye."""
    linear = (colours(np.linspace(0, 1, 9, dtype=np.float32)) / 255) ** 2.2
    luminance = linear @ np.asarray([0.2126, 0.7152, 0.0722])
    steps = np.diff(116 * np.cbrt(luminance) - 16)
    assert (steps > 0).all()
    assert steps.max() < 1.5 * steps.min()
    assert len(VIRIDIS) == 9


def test_the_image_stays_legible_under_its_veil() -> None:
    stripes = Image.fromarray(np.tile(np.asarray([0, 255], np.uint8), (8, 4))).convert("RGB")
    veiled = np.asarray(paint(stripes, np.ones((8, 8), np.float32)).convert("L"), np.int64)
    assert veiled[:, 1::2].min() - veiled[:, ::2].max() > 80


def test_an_unknown_class_is_refused(explainer: Explainer) -> None:
    with pytest.raises(ModelError, match="not brain"):
        explainer.heat(noise(), "brain")  # type: ignore[arg-type]


def test_missing_weights_raise_an_error(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing):
        Explainer(tmp_path / "none.safetensors").heat(noise())


def test_heat_shows_what_the_answer_rests_on(shipped: Path, shared: Path) -> None:
    """A scan beside a chart: covering the hottest ninth of the image takes more from the answer than covering the coldest."""
    from csv import DictReader

    explainer, network, head = Explainer(shipped), OpenVinoNetwork(shipped), open_head("cnn", shipped)
    with (shared / "data" / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = [row["file"] for row in DictReader(file) if row["label"] == "xray" and row["kind"].startswith("chest")][::40][:8]
    drops: list[tuple[float, float]] = []
    for number, name in enumerate(rows):
        composite = chart(480, 240)
        composite.paste(Image.open(shared / "data" / name).convert("RGB").resize((240, 240)), (240 * (number % 2), 0))
        heat = explainer.heat(composite, "xray")
        blocks = heat.reshape(3, 80, 3, 160).mean(axis=(1, 3))
        covered = [composite]
        for order in (blocks.argmax(), blocks.argmin()):
            copy = composite.copy()
            copy.paste((128, 128, 128), (order % 3 * 160, order // 3 * 80, order % 3 * 160 + 160, order // 3 * 80 + 80))
            covered.append(copy)
        logits = head.logits(View(covered, network.features(covered)))
        chances = probabilities(logits)[:, read_card(shipped).classes.index("xray")]
        drops.append((float(chances[0] - chances[1]), float(chances[0] - chances[2])))
    hot, cold = np.mean(drops, axis=0)
    assert hot > cold


async def test_the_engine_explains_without_having_judged(settings: Settings, shipped: Path) -> None:
    given = raster_of(chart())
    with Image.open(BytesIO(await Engine(settings).heatmap(given))) as overlay:
        assert overlay.size == given.image.size
