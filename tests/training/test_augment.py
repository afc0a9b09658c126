"""Augmented images: the size asked, the same for the same seed, of any shape; drawn negatives too."""

import numpy as np
import pytest
from PIL import Image

from server.contract.modalities import MODALITIES
from server.training.augment import frames, marks, pixels
from server.training.augment.augment import FRAMES, Chances, augment
from server.training.drawn.synthetic import DRAWN, draw_negative

STEPS = [step for _, step in FRAMES]
MARKS = [marks.text, marks.arrow, marks.measure, marks.region]
LOOKS = [pixels.tone, pixels.cast, pixels.duotone, pixels.grain, pixels.blur, pixels.shrink, pixels.jpeg]


def some_image(width=120, height=90, seed=0):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8))


@pytest.mark.parametrize("label", MODALITIES)
@pytest.mark.parametrize("size", [(120, 90), (17, 400), (16, 16), (480, 30)])
def test_any_image_becomes_the_square_and_the_same_one_again(label, size):
    for seed in range(6):
        mates = [some_image(seed=k) for k in range(3)]
        one = augment(some_image(*size), label, np.random.default_rng(seed), 64, mates)
        again = augment(some_image(*size), label, np.random.default_rng(seed), 64, mates)
        assert one.shape == (64, 64, 3)
        assert one.dtype == np.uint8
        np.testing.assert_array_equal(one, again)


def test_other_seeds_give_other_images():
    shown = {augment(some_image(), "ct", np.random.default_rng(seed), 32).tobytes() for seed in range(20)}
    assert len(shown) == 20


@pytest.mark.parametrize("step", [*STEPS, *MARKS, *LOOKS], ids=lambda step: step.__name__)
def test_every_step_gives_an_rgb_image_that_differs(step):
    rng = np.random.default_rng(3)
    changed = 0
    for seed in range(8):
        before = some_image(seed=seed)
        after = step(before.copy(), rng)
        assert after.mode == "RGB"
        assert min(after.size) >= 8
        changed += after.size != before.size or after.tobytes() != before.tobytes()
    assert changed >= 6


@pytest.mark.parametrize("count", [2, 3, 4])
def test_a_collage_shows_each_of_its_images(count):
    colours = [(250, 0, 0), (0, 250, 0), (0, 0, 250), (250, 250, 0)][:count]
    for seed in range(6):
        sheet = frames.collage([Image.new("RGB", (50, 60), colour) for colour in colours], np.random.default_rng(seed))
        seen = {colour for _, colour in sheet.getcolors(100_000)}
        assert set(colours) <= seen


def test_grey_copies_are_grey_and_inversion_turns_back():
    grey = pixels.grey(some_image())
    assert np.ptp(np.asarray(grey), axis=2).max() == 0
    assert pixels.invert(pixels.invert(some_image())).tobytes() == some_image().tobytes()


def test_without_chances_only_a_crop_is_left():
    still = Chances(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    out = augment(Image.new("RGB", (80, 60), (10, 20, 30)), "other_medical", np.random.default_rng(1), 32, chances=still)
    assert np.ptp(out.reshape(-1, 3), axis=0).max() == 0


@pytest.mark.parametrize("name", DRAWN)
def test_every_drawn_negative_shows_something(name):
    deviations = []
    for seed in range(3):
        image = DRAWN[name][1](np.random.default_rng(seed))
        assert image.mode == "RGB"
        assert image.tobytes() == DRAWN[name][1](np.random.default_rng(seed)).tobytes()
        deviations.append(np.asarray(image).std())
    assert max(deviations) > 1


def test_drawn_negatives_name_their_origin():
    origins = {draw_negative(np.random.default_rng(seed))[1] for seed in range(150)}
    assert len(origins) > len(DRAWN) / 2
    assert all(origin.startswith("synthetic-") for origin in origins)
