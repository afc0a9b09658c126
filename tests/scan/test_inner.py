"""Files inside files are sources of their own, named by both, bounded over the whole scan; a folder names what it leaves out."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pymupdf
import pytest
from pydicom.config import IGNORE
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.uid import BasicTextSRStorage, MediaStorageDirectoryStorage

from server.contract.errors import TooLarge
from server.contract.records import Candidate, Found, Notice, Skipped
from server.scan import inner
from server.scan.inner import MAX_DEPTH, InnerFiles
from server.scan.resources import ScanResources, open_resources
from server.settings import Settings
from server.source.open import open_path, open_upload
from tests.extract.dicoms import made, without_pixels
from tests.scan.conftest import found_in
from tests.site import picture


@pytest.fixture
async def resources() -> AsyncIterator[ScanResources]:
    async with open_resources(Settings()) as opened:
        yield opened


def places(found: list[Found]) -> list[str | None]:
    return [one.place.url for one in found if isinstance(one, Candidate)]


def with_attachments(**files: bytes) -> bytes:
    document = pymupdf.open()
    document.new_page().insert_image((0, 0, 200, 200), stream=picture("JPEG", (200, 200), 3))
    for name, data in files.items():
        document.embfile_add(name.replace("_", "."), data)
    return bytes(document.tobytes())


async def test_attachments_are_read_named_by_both_files_and_what_is_none_is_named(resources: ScanResources) -> None:
    inside = with_attachments(b_png=picture("PNG", (120, 120), 1))
    data = with_attachments(case_pdf=inside, notes_txt=b"words only", bad_jpg=b"words only")
    found = await found_in(open_upload("p.pdf", data), resources)
    assert places(found) == ["p.pdf", "p.pdf/case.pdf", "p.pdf/case.pdf/b.png"]
    told = [(one.code, one.message.partition(":")[0], one.severity) for one in found if isinstance(one, Notice) and one.code]
    assert told == [("unknown_kind", "p.pdf/notes.txt", "remark"), ("unknown_kind", "p.pdf/bad.jpg", "failure")]
    assert [one.place.url for one in found if isinstance(one, Skipped)] == ["p.pdf/bad.jpg"]


async def test_files_nest_as_deep_as_the_limit(resources: ScanResources) -> None:
    data = picture("PNG", (120, 120), 1)
    for _ in range(MAX_DEPTH + 1):
        data = with_attachments(a_pdf=data)
    found = await found_in(open_upload("a.pdf", data), resources)
    assert len(places(found)) == MAX_DEPTH + 1
    [notice] = [one for one in found if isinstance(one, Notice) and one.code]
    assert notice.code == "too_large" and "files deep" in notice.message


def test_files_and_bytes_are_counted_over_the_scan(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inner, "MAX_INNER_FILES", 2)
    monkeypatch.setattr(inner, "MAX_INNER_BYTES", 100)
    files = InnerFiles()
    files.take("a", 10, 1)
    files.take("b", 10, 1)
    with pytest.raises(TooLarge, match="c is beyond the 2 files"):
        files.take("c", 1, 1)
    with pytest.raises(TooLarge):
        InnerFiles().take("a", 101, 1)


async def test_a_folder_names_what_it_does_not_read(resources: ScanResources, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(picture("PNG", (120, 120), 1))
    (tmp_path / "b.txt").write_text("words")
    (tmp_path / "report").write_bytes(without_pixels(SOPClassUID=BasicTextSRStorage))
    (tmp_path / ".hidden.png").write_bytes(picture())
    (tmp_path / "link.png").symlink_to(tmp_path / "a.png")
    expected = [(".hidden.png", "left_out"), ("b.txt", "unknown_kind"), ("link.png", "left_out"), ("report", "no_image")]
    if sys.platform != "win32":
        os.mkfifo(tmp_path / "pipe.jpg")
        os.mkfifo(tmp_path / "pipe")
        expected += [("pipe", "unknown_kind"), ("pipe.jpg", "unreadable")]
    found = await found_in(open_path(tmp_path), resources)
    assert places(found) == ["a.png"]
    told = [(one.message.partition(":")[0], one.code) for one in found if isinstance(one, Notice) and one.code]
    assert sorted(told) == sorted(expected)
    assert [one.reason for one in found if isinstance(one, Skipped) and one.place.url == "report"] == ["no_image"]


async def test_a_dicomdir_stands_for_its_folder(resources: ScanResources, tmp_path: Path) -> None:
    (tmp_path / "IMAGES").mkdir()
    (tmp_path / "IMAGES" / "I0001").write_bytes(made())
    (tmp_path / "DICOMDIR").write_bytes(made())
    source = open_path(tmp_path / "DICOMDIR")
    assert (source.kind, source.path) == ("folder", tmp_path)
    assert places(await found_in(source, resources)) == ["DICOMDIR", "IMAGES/I0001"]


async def test_files_that_a_dicomdir_lists_and_that_are_missing_are_named(resources: ScanResources, tmp_path: Path) -> None:
    names = [["IMAGES", "I0001"], ["IMAGES", "I0002"], "I3", ["..", "secret"]]
    (tmp_path / "secret").write_bytes(b"x")
    cd = tmp_path / "cd"
    (cd / "images").mkdir(parents=True)
    (cd / "images" / "i0001").write_bytes(made())
    (cd / "DICOMDIR").write_bytes(directory(names))
    found = await found_in(open_path(cd / "DICOMDIR"), resources)
    assert places(found) == ["images/i0001"]
    missing = [one for one in found if isinstance(one, Notice) and one.code == "not_found"]
    assert [(one.message, one.severity) for one in missing] == [
        (f"DICOMDIR: it lists {name}, which is missing", "cut") for name in ("IMAGES/I0002", "I3", "../secret")
    ]
    assert [one.reason for one in found if isinstance(one, Skipped)] == ["no_image"]


def directory(names: list[list[str] | str]) -> bytes:
    """A DICOMDIR that lists these files, and a record of a patient, which names none."""
    records = [Dataset() for _ in (*names, None)]
    for record, name in zip(records, names, strict=False):
        record.add(DataElement(0x00041500, "CS", name, validation_mode=IGNORE))  # a hostile one, too
    return without_pixels(SOPClassUID=MediaStorageDirectoryStorage, DirectoryRecordSequence=records)


@pytest.mark.shared
async def test_inputs_from_public_reports(resources: ScanResources, shared: Path) -> None:
    field = shared / "corpora/field"
    found = await found_in(open_path(field / "pdf_portfolio/p2_portfolio.pdf"), resources)
    assert places(found) == ["p2_portfolio.pdf/case1.pdf", "p2_portfolio.pdf/knee.jpg"]
    found = await found_in(open_path(field / "dcm_encapsulated_pdf/d4_encpdf.dcm"), resources)
    assert places(found) == ["d4_encpdf.dcm/document.pdf"]
    assert open_path(field / "dcm_no_preamble_no_extension/d6_nopreamble").kind == "dicom"
    assert open_path(field / "pdf_html_before/phpwarn.pdf").kind == "pdf"
