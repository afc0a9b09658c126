"""One document of a corpus: where it is, under which name its rows stand, and how it is opened."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from server.contract.errors import Damaged, MedlensError, NotFound
from server.contract.records import Source
from server.corpus.arrow import pyarrow
from server.extract.unpacking import errors_as_damaged
from server.scan.resources import ScanResources
from server.source.address import is_bare
from server.source.open import open_path, open_source, open_upload

KEY_LENGTH = 32  # hex digits of a document's key: 128 bits, so that no two of 10^10 names collide


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes `begin` to `end` of a web archive; of a WACZ, of its file `entry`."""

    begin: int
    end: int
    entry: str | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    """One value of a Parquet file: row `row` of its row group `group`, in column `column`."""

    group: int
    row: int
    column: str


@dataclass(frozen=True, slots=True)
class Document:
    """`name`: unique in its corpus. One of `url` and `path` is set, or `error` for a document that its source could not list.

    `piece`: of a web archive at `path`. `cell`: the bytes in a Parquet file at `path`.
    """

    name: str
    url: str | None = None
    path: str | None = None
    piece: Piece | None = None
    cell: Cell | None = None
    error: MedlensError | None = None

    @property
    def key(self) -> str:
        """A hash of the name, by which the manifest remembers the document."""
        return hashlib.sha256(self.name.encode("utf-8", "surrogateescape")).hexdigest()[:KEY_LENGTH]


async def open_document(document: Document, resources: ScanResources) -> Source:
    """The document as a Source of the pipeline. Raises its own `error`, and what the functions of server/source/open.py raise."""
    if document.error is not None:
        raise document.error
    if document.url is not None:
        return await open_source(document.url, resources.fetcher, bare=is_bare(document.url))
    assert document.path is not None
    path = Path(document.path)
    if document.piece is not None:
        data = read_piece(path, document.piece)
        return replace(open_upload("piece.warc", data), target=document.name, title=None, piece=True)
    if document.cell is not None:
        value = _column(document.path, document.cell.group, document.cell.column)[document.cell.row].as_py()
        if not isinstance(value, bytes):
            raise Damaged(f"{document.name}: the cell has no bytes")
        return replace(open_upload(document.name.rpartition("/")[2], value), target=document.name)
    source = open_path(path)
    if source.kind == "folder":  # the index of a patient CD; the folder's files are documents of their own
        source = replace(source, kind="dicom", path=path)
    return replace(source, target=document.name, title=document.name)


def read_piece(path: Path, piece: Piece) -> bytes:
    """The bytes of a piece of a web archive. Raises NotFound, Damaged."""
    with errors_as_damaged(str(path)):
        try:
            if piece.entry is None:
                with path.open("rb") as file:
                    file.seek(piece.begin)
                    return file.read(piece.end - piece.begin)
            with zipfile.ZipFile(path) as packed, packed.open(piece.entry) as entry:
                entry.seek(piece.begin)
                return entry.read(piece.end - piece.begin)
        except OSError as error:
            raise NotFound(f"{path} cannot be read: {error.strerror}") from None


@lru_cache(maxsize=1)  # the documents of one row group follow each other
def _column(path: str, group: int, column: str) -> Any:
    """One column of a row group. Raises NotFound, Damaged."""
    arrow = pyarrow()
    try:
        with arrow.parquet.ParquetFile(path) as file:
            return file.read_row_group(group, columns=[column]).column(0)
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error}") from None
    except arrow.ArrowException as error:
        raise Damaged(f"{path}, row group {group}: {error}") from None
