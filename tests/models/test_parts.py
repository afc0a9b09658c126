"""The part reader: cells, evidence, regions, what a figure contains; both ways to run the larger pass agree; refusals."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file

from server.contract.errors import ModelError, WeightsMissing
from server.contract.modalities import MODALITIES
from server.models.layout import CELL, CELL_CHANNELS
from server.models.parts import (
    CARD,
    FORMAT,
    MOST_REGIONS,
    NON,
    SHAPES,
    PartReader,
    contained,
    open_parts,
    regions,
    shape_for,
    to_shape,
)


def reader(**changes: Any) -> PartReader:
    """Channel i speaks for modality i; the strongest cell decides."""
    weigh = np.array([0, 0.1, 1], np.float32)
    plain = PartReader(
        np.array([1.0, 0], np.float32), 0.0, np.eye(6, dtype=np.float32) * 9, np.zeros(6, np.float32), weigh, 0.5, 0.6
    )
    return replace(plain, **changes)


def channels(*medical: tuple[int, int, str], height: int = 4, width: int = 6) -> np.ndarray:
    grid = np.zeros((6, height, width), np.float32)
    grid[NON] = 1
    for y, x, modality in medical:
        grid[:, y, x] = 0
        grid[MODALITIES.index(modality), y, x] = 1  # type: ignore[arg-type]
    return grid


WHOLE = np.array([0.01, 0.01, 0.01, 0.01, 0.01, 0.95], np.float32)


def test_cells_make_a_figure_medical_and_say_what_it_contains() -> None:
    figure = reader().read(channels((1, 1, "ct"), (1, 2, "ct"), (3, 5, "mri")), WHOLE)
    assert figure.medical > 0.9
    assert figure.contains == ("ct", "mri")
    assert MODALITIES[int(figure.chances.argmax())] == "ct"
    assert figure.chances.sum() == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(figure.regions, [(1 / 6, 1 / 4, 2 / 6, 1 / 4), (5 / 6, 3 / 4, 1 / 6, 1 / 4)])


def test_a_figure_without_medical_cells_is_none() -> None:
    figure = reader().read(channels(), WHOLE)
    assert figure.medical < 0.1
    assert figure.regions == ()


def test_both_passes_are_weighed() -> None:
    sure = np.array([0.01, 0.91, 0.02, 0.02, 0.02, 0.02], np.float32)
    doubted, agreed = (reader().read(channels((1, 1, "ct")), whole).medical for whole in (WHOLE, sure))
    assert 0.5 < doubted < agreed


def test_the_gate_opens_from_its_probability() -> None:
    features = np.array([[-1.0, 9], [0.1, 9], [2.0, 9]], np.float32)
    assert reader().may_be_figure(features).tolist() == [False, True, True]
    assert reader(open_from=0.8).may_be_figure(features).tolist() == [False, False, True]


def test_a_modality_that_no_cell_shows_clearly_is_not_named_unless_it_is_the_likeliest() -> None:
    cells = np.full((2, 2, 6), 0.0, np.float32)
    cells[..., 1], cells[..., 2], cells[..., NON] = 0.3, 0.5, 0.2
    shares = np.array([0, 0.4, 0.6, 0, 0], np.float32)
    assert contained(cells, shares, 0.6) == ("mri",)
    assert contained(cells, shares, 0.25) == ("ct", "mri")


def test_regions_are_limited() -> None:
    spots = [(y, x, "ct") for y in range(0, 20, 2) for x in range(0, 20, 2)]
    cells = reader().cells(channels(*spots, height=20, width=20))
    assert len(regions(cells)) == MOST_REGIONS


@pytest.mark.parametrize(("size", "shape"), [((700, 700), (448, 448)), ((1600, 500), (832, 256)), ((400, 900), (320, 640))])
def test_an_image_keeps_its_shape_about(size: tuple[int, int], shape: tuple[int, int]) -> None:
    assert shape_for(*size) == shape
    assert to_shape(Image.new("RGB", size)).shape == (shape[1], shape[0], 3)


def test_shapes_are_whole_cells() -> None:
    assert all(side % CELL == 0 for shape in SHAPES for side in shape)


def test_both_ways_see_the_same_cells() -> None:
    import torch

    from server.models.cnn import build_cnn
    from server.models.graph import build_cells_graph, compile_graph
    from server.models.preprocess import normalise

    torch.manual_seed(5)
    cnn = build_cnn("efficientnet_lite0", None, MODALITIES, textures=True).eval()
    pixels = np.random.default_rng(0).integers(0, 256, (1, 128, 192, 3), np.uint8)
    tensors = {name: value.numpy() for name, value in cnn.state_dict().items()}
    ours = compile_graph(build_cells_graph(tensors, cnn.preprocess, (192, 128)))(pixels)[0]
    with torch.inference_mode():
        theirs = cnn.cells(torch.from_numpy(normalise(pixels, cnn.preprocess))).numpy()
    assert ours.shape == theirs.shape == (1, CELL_CHANNELS, 2, 3)
    np.testing.assert_allclose(ours, theirs, atol=5e-4 * float(np.abs(theirs).max()))


def written(path: Path, **changes: Any) -> Path:
    tensors = {
        "gate.weight": np.zeros(4, np.float16), "gate.bias": np.zeros(1, np.float32), "cell.weight": np.zeros((6, 3), np.float16),
        "cell.bias": np.zeros(6, np.float32), "weigh": np.zeros(3, np.float32),
    }  # fmt: skip
    card = {"format": FORMAT, "classes": MODALITIES, "backbone": "ab", "open_from": 0.1, "named_from": 0.6} | changes
    save_file(tensors, path, metadata={CARD: json.dumps(card)})
    return path


def test_a_reader_comes_back_from_its_file(tmp_path: Path) -> None:
    assert open_parts(written(tmp_path / "parts.safetensors"), "ab").open_from == 0.1


def test_what_is_no_reader_or_another_bodys_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "parts.safetensors"
    with pytest.raises(WeightsMissing, match="medlens train cnn"):
        open_parts(path, "ab")
    with pytest.raises(ModelError, match="another body"):
        open_parts(written(path), "cd")
    with pytest.raises(ModelError, match="another version"):
        open_parts(written(path, format=FORMAT + 1), "ab")
    path.write_bytes(b"nothing")
    with pytest.raises(ModelError, match="damaged"):
        open_parts(path, "ab")
