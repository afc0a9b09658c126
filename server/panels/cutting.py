"""The recursive cut: which gutters and seams of a block are taken, and what kind of blocks remain.

A cut is accepted only with an image beside it; blocks without any stay whole, so that charts, tables and pages are not cut into
letters. split.py decides whether the whole is a figure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from server.panels.content import is_image, passes_beside_image, textured
from server.panels.gutters import CLEAN_SHARE, TOLERANCE, Grey, Run, near, runs, seams
from server.panels.slices import bands, slices

# Cuts within cuts. A grid takes two, a grid in a row three, captions between them one or two more.
MAX_DEPTH = 6
# Blocks examined in one figure: a bound on time that only pages of thumbnails reach.
MAX_BLOCKS = 300
# Of a line's pixels that must differ from the ground for it to be content: what a gutter may hold (gutters.CLEAN_SHARE), as "(a)".
TRIM_SHARE = 1 - CLEAN_SHARE
# Colours of gutters tried for one block and axis.
MAX_COLOURS = 2
ROWS, COLUMNS = 0, 1


@dataclass(frozen=True, slots=True)
class Block:
    """Rows `top` to `bottom`, columns `left` to `right` (exclusive) on `ground` (None: the ground is not known).

    `facing`: which sides (top, bottom, left, right) meet that ground, and not the image's edge or another image.
    """

    top: int
    bottom: int
    left: int
    right: int
    ground: int | None = None
    facing: tuple[bool, bool, bool, bool] = (False, False, False, False)
    image: bool = False

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def area(self) -> int:
        return self.height * self.width


class Cutter:
    """Cuts one figure. `min_side`: pixels; what is thinner is no panel."""

    def __init__(self, grey: Grey, min_side: int) -> None:
        self.grey, self._turned, self._min_side, self._left = grey, np.ascontiguousarray(grey.T), min_side, MAX_BLOCKS

    def pixels(self, block: Block) -> Grey:
        return self.grey[block.top : block.bottom, block.left : block.right]

    def whole(self) -> Block:
        """The figure without its margins."""
        height, width = self.grey.shape
        block = Block(0, height, 0, width)
        ends = [
            run
            for axis in (ROWS, COLUMNS)
            for run in runs(self._lines(block, axis))
            if run.start == 0 or run.stop == (height, width)[axis]
        ]
        if not ends:
            return block
        return self.trim(block, max(ends, key=lambda run: run.width).colour)

    def cut(self, block: Block, depth: int = 0) -> list[Block]:
        """The block's panels and what lies between them, in order; the block itself when no cut is accepted."""
        self._left -= 1
        leaf = replace(block, image=self._is_image(block))
        if depth >= MAX_DEPTH or self._left <= 0 or max(block.height, block.width) < 2 * self._min_side:
            return [leaf]
        gutters = {axis: self._gutters(block, axis) for axis in (ROWS, COLUMNS)}
        for parts in self._options(block, gutters):
            if min(block.height, block.width) < self._min_side or len(parts) < 2:
                continue
            found = self._solved(parts, depth)
            if len(found) > 1 and sum(piece.image for piece in found) >= _needed(leaf, parts[0].ground):
                return found
        return self._repeats(block, gutters) or [leaf]

    def trim(self, block: Block, ground: int) -> Block:
        """Without the lines of colour `ground` at its four sides; empty blocks stay as they are."""
        if block.area == 0:
            return replace(block, bottom=block.top)
        content = ~near(self.pixels(block), ground)
        rows = np.flatnonzero(np.count_nonzero(content, axis=1) > TRIM_SHARE * block.width)
        cols = np.flatnonzero(np.count_nonzero(content, axis=0) > TRIM_SHARE * block.height)
        if not len(rows) or not len(cols):
            return replace(block, bottom=block.top)
        top, bottom, left, right = (
            block.top + int(rows[0]),
            block.top + int(rows[-1]) + 1,
            block.left + int(cols[0]),
            block.left + int(cols[-1]) + 1,
        )
        same = block.ground is not None and abs(block.ground - ground) <= TOLERANCE
        was = block.facing if same else (False,) * 4
        facing = (
            top > block.top or was[0],
            bottom < block.bottom or was[1],
            left > block.left or was[2],
            right < block.right or was[3],
        )
        return Block(top, bottom, left, right, ground, facing)

    def _solved(self, parts: list[Block], depth: int) -> list[Block]:
        """The parts' panels.

        Beside an image, a textured part counts as one; neighbouring parts without any are joined, as charts.
        """
        solved = [
            self.cut(part, depth + 1) if min(part.height, part.width) >= self._min_side else [part] for part in parts if part.area
        ]
        company = sum(any(piece.image for piece in pieces) for pieces in solved)
        out: list[Block] = []
        bare = False
        for part, pieces in zip((part for part in parts if part.area), solved, strict=True):
            if any(piece.image for piece in pieces):
                out, bare = out + pieces, False
            elif company and self._may_pass(part):
                out, bare = [*out, replace(part, image=True)], False
            elif bare:
                out[-1] = _around(out[-1], part)
            else:
                out, bare = [*out, part], True
        return out

    def _may_pass(self, piece: Block) -> bool:
        thin = piece.ground is None or min(piece.height, piece.width) < self._min_side
        return not thin and passes_beside_image(self.pixels(piece), piece.ground or 0, piece.facing)

    def _options(self, block: Block, gutters: dict[int, list[Run]]) -> Iterator[list[Block]]:
        """Ways to cut, the likeliest first: gutters by how much of the block they take, then seams."""
        ways = sorted(
            (
                (sum(run.width for run in group) / (block.height, block.width)[axis], axis, group)
                for axis in gutters
                for group in _by_colour(gutters[axis])
            ),
            key=lambda way: (-way[0], way[1]),
        )
        for _, axis, group in ways:
            yield [self.trim(piece, group[0].colour) for piece in _between(block, axis, group)]
        if not textured(self.pixels(block)):
            return
        for axis in (COLUMNS, ROWS):
            pieces = self._seamed(block, axis)
            if len(pieces) > 1:
                yield pieces

    def _seamed(self, block: Block, axis: int) -> list[Block]:
        lines = sorted(seams(self._lines(block, axis), self._min_side))
        pieces = _between(block, axis, [Run(line, line, -1) for line in lines])
        return pieces if all(textured(self.pixels(piece)) for piece in pieces) else []

    def _repeats(self, block: Block, gutters: dict[int, list[Run]]) -> list[Block]:
        inner = [run for axis in gutters for run in gutters[axis]]
        if not inner:
            return []
        ground = min(run.colour for run in inner)
        rows, cols = (bands(gutters[axis], (block.height, block.width)[axis], ground, self._min_side) for axis in (ROWS, COLUMNS))
        boxes = slices(self.pixels(block), rows, cols, ground)
        return [
            replace(self.trim(Block(block.top + t, block.top + b, block.left + le, block.left + r), ground), image=True)
            for t, b, le, r in boxes
        ]

    def _gutters(self, block: Block, axis: int) -> list[Run]:
        lines = self._lines(block, axis)
        return [run for run in runs(lines) if run.start > 0 and run.stop < len(lines)]

    def _lines(self, block: Block, axis: int) -> Grey:
        if axis == ROWS:
            return self.pixels(block)
        return self._turned[block.left : block.right, block.top : block.bottom]

    def _is_image(self, block: Block) -> bool:
        if min(block.height, block.width) < self._min_side:
            return False
        if block.ground is None:
            return textured(self.pixels(block))
        return is_image(self.pixels(block), block.ground, block.facing)


def _needed(leaf: Block, colour: int | None) -> int:
    """Images that a cut must yield: two where the block is itself an image on its figure's ground and the cut has another
    colour."""
    stranger = leaf.ground is not None and colour is not None and abs(leaf.ground - colour) > TOLERANCE
    return 2 if leaf.image and any(leaf.facing) and stranger else 1


def _by_colour(found: list[Run]) -> list[list[Run]]:
    groups: list[list[Run]] = []
    for run in sorted(found, key=lambda run: -run.width):
        group = next((group for group in groups if abs(group[0].colour - run.colour) <= TOLERANCE), None)
        if group is None:
            groups.append([run])
        else:
            group.append(run)
    groups.sort(key=lambda group: -sum(run.width for run in group))
    return [sorted(group, key=lambda run: run.start) for group in groups[:MAX_COLOURS]]


def _between(block: Block, axis: int, cuts: list[Run]) -> list[Block]:
    length = (block.height, block.width)[axis]
    starts, stops = [0, *(run.stop for run in cuts)], [*(run.start for run in cuts), length]
    pieces = []
    for i, (start, stop) in enumerate(zip(starts, stops, strict=True)):
        first, last = i == 0, i == len(cuts)
        ground = block.ground if not cuts or cuts[0].colour < 0 else cuts[0].colour
        same = ground is not None and block.ground is not None and abs(ground - block.ground) <= TOLERANCE
        was = block.facing if same else (False,) * 4
        new = bool(cuts) and cuts[0].colour >= 0
        if axis == ROWS:
            facing = (was[0] if first else new, was[1] if last else new, was[2], was[3])
            pieces.append(Block(block.top + start, block.top + stop, block.left, block.right, ground, facing))
        else:
            facing = (was[0], was[1], was[2] if first else new, was[3] if last else new)
            pieces.append(Block(block.top, block.bottom, block.left + start, block.left + stop, ground, facing))
    return pieces


def _around(a: Block, b: Block) -> Block:
    return Block(min(a.top, b.top), max(a.bottom, b.bottom), min(a.left, b.left), max(a.right, b.right), a.ground)
