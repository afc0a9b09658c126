"""Web archives are cut at their records; a damaged record is a row, and the records around it are read."""

from __future__ import annotations

import zipfile
from gzip import compress
from pathlib import Path

import pytest

pytest.importorskip("pyarrow", reason="the extra [ray] is not installed")

from server.corpus import warc_pieces
from server.corpus.document import read_piece
from server.corpus.warc_pieces import pieces_of
from server.settings import Settings
from tests.corpus.drawn_corpus import png, rows, run

RECORDS = 4


def records(*, gzip: bool) -> list[bytes]:
    """Responses with one image each, every record for itself."""
    found = []
    for number in range(RECORDS):
        body = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n" + png(number)
        head = f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://site.test/{number}.png\r\n"
        head += f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(body)}\r\n\r\n"
        record = head.encode() + body + b"\r\n\r\n"
        found.append(compress(record) if gzip else record)
    return found


@pytest.mark.parametrize("gzip", [True, False])
@pytest.mark.parametrize("damage", ["none", "middle", "end", "begin"])
def test_a_damaged_record_loses_no_other(tmp_path: Path, gzip: bool, damage: str) -> None:
    parts = records(gzip=gzip)
    if damage == "middle":  # a bit in the data of the second record, or its header
        at = len(parts[1]) // 2 if gzip else 2
        parts[1] = parts[1][:at] + b"\xff\xff\xff" + parts[1][at + 3 :]
    elif damage == "end":
        parts[-1] = parts[-1][:-20]
    elif damage == "begin":
        parts.insert(0, b"no record\r\n\r\n")
    file = tmp_path / ("a.warc.gz" if gzip else "a.warc")
    file.write_bytes((b"\r\n\r\n" if damage == "begin" and not gzip else b"") + b"".join(parts))
    found = list(pieces_of(file, file.name))
    errors = [document for document in found if document.error]
    assert len(errors) >= (damage != "none")
    read = b"".join(read_piece(file, document.piece) for document in found if document.piece)
    whole = [part for part in records(gzip=gzip) if not gzip]
    if gzip:
        assert all(
            part in read for number, part in enumerate(parts) if part.startswith(b"\x1f\x8b") and number not in _lost(damage)
        )
    else:
        lost = {"middle": 1, "end": RECORDS - 1}.get(damage)
        assert [f"{number}.png".encode() in read for number in range(len(whole))] == [
            number != lost for number in range(len(whole))
        ]


def _lost(damage: str) -> set[int]:
    return {"middle": {1}, "end": {RECORDS - 1}}.get(damage, set())


def test_pieces_are_bounded_and_named_by_their_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warc_pieces, "PIECE_RECORDS", 1)
    file = tmp_path / "a.warc.gz"
    file.write_bytes(b"".join(records(gzip=True)))
    names = [document.name for document in pieces_of(file, "a")]
    assert len(names) == len(set(names)) == RECORDS


def test_a_record_that_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warc_pieces, "MAX_RECORD_BYTES", 1000)
    file = tmp_path / "a.warc.gz"
    file.write_bytes(records(gzip=True)[0])
    assert {document.error.code for document in pieces_of(file, "a") if document.error} == {"too_large"}


@pytest.mark.parametrize("packed", [False, True])
def test_the_images_of_an_archive_with_a_damaged_record_are_rows(tmp_path: Path, packed: bool) -> None:
    parts = records(gzip=True)
    at = len(parts[1]) // 2
    parts[1] = parts[1][:at] + b"\xff\xff\xff" + parts[1][at + 3 :]
    file = tmp_path / ("a.wacz" if packed else "a.warc.gz")
    if packed:
        with zipfile.ZipFile(file, "w") as wacz:
            wacz.writestr("datapackage.json", "{}")
            wacz.writestr("archive/data.warc.gz", b"".join(parts))
    else:
        file.write_bytes(b"".join(parts))
    run(file, tmp_path / "out", Settings(data_dir=tmp_path / "data", members=("cnn",)))
    found = rows(tmp_path / "out")
    urls = sorted(row["places"][0]["url"] for row in found if row["sha256"])
    assert urls == [f"http://site.test/{number}.png" for number in (0, 2, 3)]
    assert {row["error"] for row in found if row["error"]} == {"damaged"}
