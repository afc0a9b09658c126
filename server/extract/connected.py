"""Groups what is connected: the tiles of a zoom viewer on a page, and those of an image in a PDF."""

from __future__ import annotations

from collections.abc import Iterable


def connected(count: int, pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
    """The indices below `count`, grouped by the pairs that connect them; in order, as are the groups by their first index."""
    parents = list(range(count))

    def root(index: int) -> int:
        while parents[index] != index:
            parents[index] = parents[parents[index]]
            index = parents[index]
        return index

    for one, other in pairs:
        low, high = sorted((root(one), root(other)))
        parents[high] = low
    groups: dict[int, list[int]] = {}
    for index in range(count):
        groups.setdefault(root(index), []).append(index)
    return list(groups.values())
