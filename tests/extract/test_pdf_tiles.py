"""Which tiles form one image: any cutting of an image is joined again, and separate images stay separate."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from server.extract.pdf_tiles import Tile, join

CUTS = st.lists(st.integers(4, 60), min_size=1, max_size=8)


def grid(
    widths: list[int], heights: list[int], scale: float, left: float = 0.0, top: float = 0.0, jitter: float = 0.0
) -> list[Tile]:
    """Tiles of these pixel sizes at `scale` pixels a point, each edge off by at most `jitter` pixels."""
    xs, ys = np.cumsum([0, *widths]), np.cumsum([0, *heights])
    noise = np.random.default_rng(0).uniform(-jitter, jitter, (len(heights), len(widths), 4)) / scale
    return [
        Tile(
            left + xs[x] / scale + noise[y, x, 0],
            top + ys[y] / scale + noise[y, x, 1],
            left + xs[x + 1] / scale + noise[y, x, 2],
            top + ys[y + 1] / scale + noise[y, x, 3],
            widths[x],
            heights[y],
        )
        for y in range(len(heights))
        for x in range(len(widths))
    ]


@settings(deadline=None)
@given(CUTS, CUTS, st.floats(0.2, 8), st.floats(0, 0.4))
def test_any_grid_is_joined_to_one_image(widths: list[int], heights: list[int], scale: float, jitter: float) -> None:
    tiles = grid(widths, heights, scale, 72, 144, jitter)
    assert join(tiles) == [list(range(len(tiles)))]


@settings(deadline=None)
@given(CUTS, CUTS, st.floats(0.2, 8), st.randoms())
def test_the_order_of_drawing_does_not_matter(widths: list[int], heights: list[int], scale: float, random: object) -> None:
    tiles = grid(widths, heights, scale)
    random.shuffle(tiles)  # type: ignore[attr-defined]
    assert join(tiles) == [list(range(len(tiles)))]


def test_images_with_a_gutter_stay_apart() -> None:
    first = grid([100], [50, 50], 2.0)
    second = grid([100], [50, 50], 2.0, left=53)
    assert join([*first, *second]) == [[0, 1], [2, 3]]


def test_another_scale_another_ink_and_half_an_edge_do_not_join() -> None:
    tile = Tile(0, 0, 100, 100, 200, 200)
    for other in (
        Tile(0, 100, 100, 200, 400, 400),
        Tile(0, 100, 100, 200, 200, 200, ("stencil",)),
        Tile(50, 100, 150, 200, 200, 200),
        Tile(0, 100, 50, 150, 100, 100),
        Tile(0, 0, 100, 100, 200, 200),
    ):
        assert join([tile, other]) == [[0], [1]]


def test_strips_of_one_row_join() -> None:
    assert join(grid([300], [1] * 200, 300 / 72)) == [list(range(200))]


@given(st.lists(st.builds(Tile, *[st.floats(allow_nan=True, allow_infinity=True)] * 4, *[st.integers(0, 10**6)] * 2), max_size=20))
def test_mad_blocks_do_no_harm(tiles: list[Tile]) -> None:
    with np.errstate(all="ignore"):
        groups = join(tiles)
    assert sorted(index for group in groups for index in group) == list(range(len(tiles)))
