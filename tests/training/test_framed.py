"""Images as teaching pages frame them: always changed, the same for the same seed, and still to be seen."""

import numpy as np
import pytest
from PIL import Image

from server.training.augment.augment import FRAMED_STEPS, MARKS, framed, marked
from server.training.cnn.views import SHORT_SIDES, in_a_frame

SEEDS = range(12)


def image(width: int = 160, height: int = 120) -> Image.Image:
    ramp = np.linspace(60, 200, width, dtype=np.uint8)
    return Image.fromarray(np.repeat(np.tile(ramp, (height, 1))[..., None], 3, axis=2))


@pytest.mark.parametrize("step", [*(step for _, step in FRAMED_STEPS), *MARKS], ids=lambda step: step.__name__)
def test_every_step_changes_the_image_and_hides_little_of_it(step) -> None:  # type: ignore[no-untyped-def]
    for seed in SEEDS:
        out = step(image(), np.random.default_rng(seed))
        assert out.mode == "RGB"
        assert out.width >= 160 and out.height >= 120
        assert out.tobytes() != image().tobytes()
        seen = np.unique(np.asarray(out)[..., 0])
        assert len(np.intersect1d(seen, np.asarray(image())[0, :, 0])) > 40  # of the ramp's 141 greys


def test_one_seed_gives_one_image_and_others_others() -> None:
    made = {framed(image(), np.random.default_rng(seed)).tobytes() for seed in SEEDS}
    again = {framed(image(), np.random.default_rng(seed)).tobytes() for seed in SEEDS}
    assert made == again
    assert len(made) == len(SEEDS)


def test_marks_leave_the_size_alone() -> None:
    assert {marked(image(), np.random.default_rng(seed)).size for seed in SEEDS} == {(160, 120)}


def test_the_chances_are_whole() -> None:
    assert sum(share for share, _ in FRAMED_STEPS) == pytest.approx(1)


def test_the_view_is_saved_as_small_as_the_others() -> None:
    large = image(640, 480)
    sizes = [min(in_a_frame(large, "ct", np.random.default_rng(seed), 224).size) for seed in SEEDS]
    assert min(sizes) >= SHORT_SIDES[0] and max(sizes) <= SHORT_SIDES[1]
