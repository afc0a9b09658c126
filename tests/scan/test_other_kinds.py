"""Archives, drawings and documents through the whole way that a source takes: named by all files that hold an image."""

from __future__ import annotations

from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from server.contract.records import Candidate, Found, Notice, Skipped
from server.extract.browser import find_chromium
from server.scan.resources import ScanResources, open_resources
from server.settings import Settings
from server.source.open import open_path, open_upload
from tests.extract.dicoms import made
from tests.extract.packed import tarred, zipped
from tests.extract.test_document import ONE, TWO, deck
from tests.extract.test_volume import head, nifti
from tests.extract.test_warc import warc
from tests.scan.conftest import found_in

SVG = b"""<svg xmlns="http://www.w3.org/2000/svg" width="200" height="100"><rect width="200" height="100" fill="#00f"/></svg>"""


@pytest.fixture
async def resources() -> AsyncIterator[ScanResources]:
    async with open_resources(Settings()) as opened:
        yield opened


def places(found: list[Found]) -> list[tuple[str | None, int | None]]:
    return [(one.place.url, one.place.page) for one in found if isinstance(one, Candidate)]


async def test_files_of_every_kind_in_an_archive_in_an_archive(resources: ScanResources) -> None:
    inner = zipped({"deck.pptx": deck(), "IM0001": made(), "site.warc": warc(), "readme.txt": b"words"})
    found = await found_in(open_upload("cd.tar", tarred({"a/cd.zip": inner, "b.png": ONE})), resources)
    shown = dict.fromkeys(place for place in places(found) if not (place[0] or "").startswith("data:"))  # as the page shows it
    assert list(shown) == [
        ("cd.tar/a/cd.zip/IM0001", 1),
        ("cd.tar/a/cd.zip/deck.pptx", 1),
        ("cd.tar/a/cd.zip/deck.pptx", 2),
        ("cd.tar/a/cd.zip/deck.pptx", None),
        ("https://a.example/case/img/one.png", None),
        ("https://b.example/two.png?x=1", None),
        ("https://a.example/case/", None),
        ("cd.tar/b.png", None),
    ]
    told = [one.message.partition(":")[0] for one in found if isinstance(one, Notice) and one.code == "unknown_kind"]
    assert told == ["cd.tar/a/cd.zip"]


async def test_a_volume_in_a_folder(resources: ScanResources, tmp_path: Path) -> None:
    (tmp_path / "brain.nii").write_bytes(nifti(head()))
    found = await found_in(open_path(tmp_path), resources)
    assert places(found) == [("brain.nii", number) for number in range(1, 16)]


async def test_an_archive_of_archives_of_archives_ends(resources: ScanResources) -> None:
    data = ONE
    for _ in range(8):
        data = zipped({"a.zip": data, "b.png": TWO})
    found = await found_in(open_upload("a.zip", data), resources)
    assert len(places(found)) == 4
    assert [one.reason for one in found if isinstance(one, Skipped)] == ["too_large", "too_large"]  # both files, five deep


@pytest.mark.parametrize("where", ["upload", "path", "zip"])
async def test_a_drawing_is_rendered(resources: ScanResources, tmp_path: Path, where: str) -> None:
    if find_chromium(Settings()) is None:
        pytest.skip("no Chromium here; `make setup` says how to get one")
    (tmp_path / "a.svg").write_bytes(SVG)
    source = open_path(tmp_path / "a.svg") if where == "path" else open_upload("a.svg", SVG)
    source = open_upload("a.zip", zipped({"a.svg": SVG})) if where == "zip" else source
    [candidate] = [one for one in await found_in(source, resources) if isinstance(one, Candidate)]
    image = Image.open(BytesIO(candidate.data)).convert("RGB")
    assert image.size[0] == 2 * image.size[1] and image.getpixel((5, 5)) == (0, 0, 255)
    assert candidate.place.url == ("a.zip/a.svg" if where == "zip" else "a.svg")
