"""What `medlens scan --save` calls the copies it makes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from server.cli.save import MAX_STEM, Sorter
from server.contract.records import Place
from tests.judged import digest, judged


@pytest.mark.parametrize(
    ("place", "name"),
    [
        (Place("https://e.org/a/b%20c.jpeg", "img"), "b_c"),
        (Place("scans/slice.dcm", "frame", 1), "slice"),
        (Place("scans/clip.dcm", "frame", 12), "clip_12"),
        (Place("scans/1.2.840.10008", "frame", 1), "1.2.840.10008"),
        (Place("scans/stack.tif", "file", 2), "stack_2"),
        (Place("paper.pdf", "embedded", 3), "paper_page_3"),
        (Place(None, "canvas"), "canvas"),
        (Place("/..", "file"), "image"),
        (Place("x" * 2 * MAX_STEM, "file"), "x" * 39),
    ],
)
def test_a_copy_is_called_by_where_it_came_from(tmp_path: Path, place: Place, name: str) -> None:
    one = judged("a", places=(place,))
    Sorter(tmp_path).take(replace(one, image=replace(one.image, data=b"bytes")))
    assert (tmp_path / "ct" / f"{name}-{digest('a')[:8]}.png").read_bytes() == b"bytes"
