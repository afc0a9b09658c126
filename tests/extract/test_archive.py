"""Archives: every file that can be scanned comes out, others are named, and no bomb is unpacked."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable

import pytest
import zstandard

from server.contract.errors import Damaged, DocumentError
from server.contract.extracted import InnerFile
from server.contract.records import Notice
from server.source.open import open_upload
from tests.extract.packed import codes, names, read_as, reasons, tarred, zipped
from tests.site import picture

PNG = picture("PNG", (120, 120), 1)
FILES = {"a/1.png": PNG, "b.pdf": b"%PDF-1.4\n", "notes.txt": b"words", ".DS_Store": b"x", "page.html": b"<html><p>x"}
PACKERS: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("x.tar", lambda data: data),
    ("x.tar.gz", gzip.compress),
    ("x.tar.zst", zstandard.compress),
    ("x.tar.bz2", bz2.compress),
    ("x.tar.xz", lzma.compress),
]


async def test_a_zip_gives_its_files_and_names_the_others() -> None:
    found = await read_as("cd.zip", zipped(FILES))
    assert names(found) == ["a/1.png", "b.pdf"]
    assert [one.data for one in found if isinstance(one, InnerFile)] == [PNG, b"%PDF-1.4\n"]
    notices = [one for one in found if isinstance(one, Notice)]
    assert [(one.code, one.message.partition(":")[0], one.severity) for one in notices] == [
        ("left_out", ".DS_Store", "remark"), ("unknown_kind", "notes.txt", "remark"), ("unknown_kind", "page.html", "remark")
    ]  # fmt: skip


@pytest.mark.parametrize(("name", "pack"), PACKERS)
async def test_a_tar_packed_or_not_gives_its_files(name: str, pack: Callable[[bytes], bytes]) -> None:
    data = pack(tarred(FILES))
    assert open_upload("no name", data).kind == "archive"
    found = await read_as(name, data)
    assert names(found) == ["a/1.png", "b.pdf"]
    assert len(codes(found)) == 3


@pytest.mark.parametrize(("name", "pack"), PACKERS[1:])
async def test_a_packed_file_is_named_without_its_ending(name: str, pack: Callable[[bytes], bytes]) -> None:
    found = await read_as(name.replace("tar", "png"), pack(PNG))
    assert names(found) == ["x.png"]


@pytest.mark.parametrize("pack", [lambda data: zipped({"a.png": data}), *(pack for _, pack in PACKERS[1:])])
async def test_a_bomb_is_refused_by_its_ratio(pack: Callable[[bytes], bytes]) -> None:
    found = await read_as("bomb", pack(bytes(60_000_000)))
    assert names(found) == []
    assert (reasons(found), codes(found)) == (["too_large"], ["too_large"])


async def test_an_entry_over_its_bytes_is_left_out_and_the_others_are_read() -> None:
    found = await read_as(
        "x.zip", zipped({"a.png": PNG, "b.pdf": b"%PDF-1.4" + bytes(5000), "c.png": PNG}), {"max_entry_bytes": 4000}
    )
    assert names(found) == ["a.png", "c.png"]
    assert reasons(found) == ["too_large"]


@pytest.mark.parametrize("pack", [zipped, tarred])
async def test_number_and_bytes_of_all_files_are_bounded(pack: Callable[[dict[str, bytes]], bytes]) -> None:
    data = pack({f"{number}.png": PNG for number in range(5)})
    assert names(await read_as("x", data, {"max_entries": 3})) == ["0.png", "1.png", "2.png"]
    found = await read_as("x", data, {"max_unpacked_bytes": 2 * len(PNG) + 10})
    assert names(found) == ["0.png", "1.png"]
    assert codes(found) == ["too_large"]


async def test_a_size_that_lies_is_not_believed() -> None:
    """The directory says 10 bytes; 60 million are packed."""
    data = zipped({"a.png": bytes(60_000_000)})
    lying = data.replace((60_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    found = await read_as("x.zip", lying)
    assert names(found) == [] and reasons(found) != []


async def test_encrypted_and_broken_files_are_named() -> None:
    data = bytearray(zipped({"a.png": PNG, "b.png": picture("PNG", (120, 120), 2)}, zipfile.ZIP_STORED))
    at = data.find(PNG) + 100
    data[at] ^= 255
    found = await read_as("x.zip", bytes(data))
    assert (names(found), reasons(found), codes(found)) == (["b.png"], ["unreadable"], ["damaged"])
    locked = bytearray(zipped({"a.png": PNG}))
    locked[locked.rfind(b"PK\x01\x02") + 8] |= 1
    assert codes(await read_as("x.zip", bytes(locked))) == ["password_protected"]


@pytest.mark.parametrize(
    "data", [zipped(FILES)[:-30], gzip.compress(tarred(FILES))[:-40], tarred(FILES)[: 512 + len(PNG) // 2], b"\x1f\x8b\x08"]
)
async def test_a_cut_archive_gives_what_it_can_or_is_damaged(data: bytes) -> None:
    try:
        found = await read_as("x", data)
    except DocumentError as error:
        assert isinstance(error, Damaged)
    else:
        assert "damaged" in codes(found)


async def test_a_file_without_a_name_is_read() -> None:
    assert names(await read_as("x.zip", zipped({"QQ": PNG}).replace(b"QQ", b"\0Q"))) == ["file"]


async def test_links_and_devices_of_a_tar_are_not_followed() -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as file:
        link = tarfile.TarInfo("link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        file.addfile(link)
        device = tarfile.TarInfo("zero.png")
        device.type = tarfile.CHRTYPE
        file.addfile(device)
    assert names(await read_as("x.tar", out.getvalue())) == []
