"""Siblings of the reported files, through the whole way that a file takes: nested, odd, listed by an index."""

from __future__ import annotations

import io
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pydicom
import pymupdf
import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from server.contract.records import Candidate, Found, Notice
from server.scan.resources import ScanResources, open_resources
from server.settings import Settings
from server.source.open import open_path, open_upload
from tests.extract.dicoms import made
from tests.extract.packed import tarred, zipped
from tests.extract.test_slide import slide
from tests.scan.conftest import found_in
from tests.site import picture


@pytest.fixture
async def resources() -> AsyncIterator[ScanResources]:
    async with open_resources(Settings()) as opened:
        yield opened


def names(found: list[Found]) -> list[str | None]:
    return [one.place.url for one in found if isinstance(one, Candidate)]


def messages(found: list[Found]) -> list[str]:
    return [one.message for one in found if isinstance(one, Notice) and one.code]


async def test_a_tiff_in_a_zip_in_a_tar(resources: ScanResources) -> None:
    pages = [Image.open(io.BytesIO(picture(seed=seed))).convert("RGB") for seed in (1, 2)]
    out = io.BytesIO()
    pages[0].save(out, "TIFF", save_all=True, append_images=pages[1:])
    found = await found_in(open_upload("a.tar", tarred({"b.zip": zipped({"c.tif": out.getvalue()})})), resources)
    assert [(one.place.url, one.place.page) for one in found if isinstance(one, Candidate)] == [
        ("a.tar/b.zip/c.tif", 1), ("a.tar/b.zip/c.tif", 2)
    ]  # fmt: skip


async def test_a_pdf_with_bytes_ahead_in_a_zip(resources: ScanResources) -> None:
    document = pymupdf.open()
    document.new_page(width=300, height=300).insert_image((20, 20, 220, 180), stream=picture())
    data = b"<br />PHP Warning: headers already sent\n" * 4 + document.tobytes()
    assert names(await found_in(open_upload("a.zip", zipped({"paper.pdf": data})), resources)) == ["a.zip/paper.pdf"]


async def test_a_socket_in_a_folder_is_named(resources: ScanResources, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(picture())
    with socket.socket(socket.AF_UNIX) as made_here:
        made_here.bind(str(tmp_path / "b.png"))
        found = await found_in(open_path(tmp_path), resources)
    assert names(found) == ["a.png"]
    assert any(message.startswith("b.png") for message in messages(found))


async def test_big_endian_without_preamble(resources: ScanResources) -> None:
    dataset = pydicom.dcmread(io.BytesIO(made()))
    pixels = dataset.pixel_array
    dataset.PixelData = pixels.astype(pixels.dtype.newbyteorder(">")).tobytes()
    dataset["PixelData"].VR = "OW"
    out = io.BytesIO()
    plain = Dataset({element.tag: element for element in dataset if element.tag.group != 2})
    pydicom.dcmwrite(out, plain, implicit_vr=False, little_endian=False, enforce_file_format=False)
    assert out.getvalue()[128:132] != b"DICM"
    found = await found_in(open_upload("IM0001", out.getvalue()), resources)
    [one] = [one for one in found if isinstance(one, Candidate)]
    [right] = [one for one in await found_in(open_upload("a.dcm", made()), resources) if isinstance(one, Candidate)]
    assert one.data == right.data


def index(*listed: str) -> bytes:
    """A DICOMDIR that lists these files."""
    records = []
    for name in listed:
        record = Dataset()
        record.DirectoryRecordType = "IMAGE"
        record.ReferencedFileID = name.split("/")
        records.append(record)
    dataset = Dataset()
    dataset.DirectoryRecordSequence = records
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
    dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    out = io.BytesIO()
    pydicom.dcmwrite(out, dataset, enforce_file_format=True)
    return out.getvalue()


@pytest.mark.parametrize("packed", [zipped, tarred])
async def test_a_patient_cd_as_an_archive(resources: ScanResources, packed: Callable[[dict[str, bytes]], bytes]) -> None:
    """Files that the index lists are read whatever their name; a missing one is named, also in lower case and below a folder."""
    cd = packed({"cd/DICOMDIR": index("A/IM0001", "A/IM0002", "A/IM0003"), "cd/A/IM0001": made(), "cd/a/im0002": made()})
    found = await found_in(open_upload("cd.zip", cd), resources)
    assert sorted(filter(None, names(found))) == ["cd.zip/cd/A/IM0001", "cd.zip/cd/a/im0002"]
    assert [message for message in messages(found) if "missing" in message] == [
        "cd.zip/cd/DICOMDIR: it lists A/IM0003, which is missing or cannot be read"
    ]
    assert [one.severity for one in found if isinstance(one, Notice) and "missing" in one.message] == ["cut"]


async def test_a_slide_in_a_zip(resources: ScanResources) -> None:
    found = await found_in(open_upload("a.zip", zipped({"case/a.svs": slide(1600, 900, 2)})), resources)
    assert set(names(found)) == {"a.zip/case/a.svs"} and len(names(found)) >= 2


@pytest.mark.parametrize("where", ["zip", "folder", "alone"])
async def test_a_mirax_slide_says_what_is_not_read(resources: ScanResources, tmp_path: Path, where: str) -> None:
    """The file is a JPEG; the tiles in the folder beside it are named, in a ZIP as in a folder."""
    files = {"case.mrxs": picture("JPEG"), "case/Data0000.dat": b"tiles", "case/Slidedat.ini": b"[GENERAL]"}
    for name, data in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    source = open_upload("a.zip", zipped(files)) if where == "zip" else open_path(tmp_path)
    found = await found_in(open_path(tmp_path / "case.mrxs") if where == "alone" else source, resources)
    name = {"zip": "a.zip/case.mrxs", "folder": "case.mrxs", "alone": "case.mrxs"}[where]
    assert names(found) == [name]
    [told] = [one for one in found if isinstance(one, Notice) and one.code == "partly_read"]
    assert "tiles lie in the folder beside it" in told.message and told.severity == "cut"
    assert where == "alone" or told.message.startswith(f"{name}: ")
    assert where == "alone" or any("Data0000.dat" in message for message in messages(found))


async def test_a_page_with_a_rotation_and_a_soft_mask(resources: ScanResources) -> None:
    """The image is saved as it is shown: turned by the page, with its mask over white."""
    base = Image.new("RGBA", (240, 120), (200, 30, 30, 255))
    base.paste((0, 0, 255, 255), (0, 0, 60, 120))
    base.putalpha(Image.linear_gradient("L").resize((240, 120)).point(lambda value: 255 if value > 40 else 0))
    out = io.BytesIO()
    base.save(out, "PNG")
    document = pymupdf.open()
    page = document.new_page(width=400, height=400)
    page.insert_image((20, 20, 260, 140), stream=out.getvalue())
    page.set_rotation(90)
    found = await found_in(open_upload("a.pdf", document.tobytes()), resources)
    [one] = [one for one in found if isinstance(one, Candidate)]
    image = Image.open(io.BytesIO(one.data)).convert("RGB")
    assert image.size == (120, 240)
    assert image.getpixel((60, 20))[2] > 200 and image.getpixel((60, 200))[0] > 150
