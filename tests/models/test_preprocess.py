"""What the network is given: the same square whatever the image's shape, in the numbers the weights were made for."""

import numpy as np
import pytest
from PIL import Image

from server.models.preprocess import Preprocess, normalise, to_batch, to_square


@pytest.mark.parametrize("mode", ["squash", "letterbox", "crop"])
@pytest.mark.parametrize("size", [(640, 480), (31, 500), (224, 224), (1, 1)])
def test_every_shape_becomes_the_square(mode, size):
    square = to_square(Image.new("RGB", size, (10, 200, 30)), Preprocess(64, mode))
    assert square.shape == (64, 64, 3)
    assert square.dtype == np.uint8
    assert tuple(square[32, 32]) == (10, 200, 30)


def test_letterbox_keeps_the_ratio_and_squash_the_edges():
    image = Image.new("RGB", (200, 100), (255, 255, 255))
    assert to_square(image, Preprocess(100, "letterbox"))[:20].max() == 0
    assert to_square(image, Preprocess(100, "squash")).min() == 255


def test_grey_and_palette_images_are_taken_as_rgb():
    assert to_square(Image.new("L", (50, 60), 7), Preprocess(32)).max() == 7
    assert to_square(Image.new("P", (50, 60)), Preprocess(32)).shape == (32, 32, 3)


def test_values_are_normalised_per_channel():
    spec = Preprocess(2, mean=(0.5, 0.0, 0.25), std=(0.5, 1.0, 0.25))
    squares = np.full((1, 2, 2, 3), 255, np.uint8)
    squares[0, 0, 0] = 0
    out = normalise(squares, spec)
    assert out.shape == (1, 3, 2, 2)
    assert out.flags.c_contiguous
    np.testing.assert_allclose(out[0, :, 1, 1], (1, 1, 3), atol=1e-6)
    np.testing.assert_allclose(out[0, :, 0, 0], (-1, 0, -1), atol=1e-6)


def test_a_batch_of_none_is_empty():
    assert to_batch([], Preprocess(32)).shape == (0, 3, 32, 32)


def test_a_spec_survives_json():
    spec = Preprocess(192, "letterbox", (0.1, 0.2, 0.3), (1, 1, 1))
    assert Preprocess.from_json(spec.as_json() | {"mean": [0.1, 0.2, 0.3]}) == spec
