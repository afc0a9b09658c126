"""Lists the documents of a corpus: a folder, a list of addresses, web archives, Parquet with bytes or addresses.

The list of a source is in the same order each time. What cannot be listed is a document with an error, so that it gets its row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from server.contract.errors import Damaged, LeftOut, MedlensError, NotAUrl, NotFound, RequestError
from server.corpus.arrow import pyarrow
from server.corpus.document import Cell, Document
from server.corpus.warc_pieces import pieces_of
from server.kinds.kind import HEAD_BYTES
from server.kinds.registry import kind_of
from server.source.open import walk_folder

CorpusKind: TypeAlias = Literal["folder", "addresses", "web_archive", "parquet"]
# Columns that are looked for, in this order, where none is named.
BYTES_COLUMNS = ("bytes", "data", "content", "image", "file")
URL_COLUMNS = ("url", "address", "link")
PARQUET = b"PAR1"
# Characters of one line of a list; a longer line is no address (browsers end at 2 MB, servers at 8 kB).
MAX_LINE = 16 * 1024


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a Parquet source, as the command line names them."""

    bytes: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Corpus:
    """A source of documents. `path` is absolute."""

    path: Path
    kind: CorpusKind
    columns: Columns = Columns()

    def documents(self) -> Iterator[Document]:
        """Every document, each with a name of its own. Raises RequestError where the source as a whole cannot be read."""
        match self.kind:
            case "folder":
                yield from _of_folder(self.path, self.columns)
            case "addresses":
                yield from _of_list(self.path)
            case "web_archive":
                yield from pieces_of(self.path, self.path.name)
            case "parquet":
                yield from _of_parquet(self.path, self.path.name, self.columns)


def open_corpus(source: str, columns: Columns = Columns()) -> Corpus:
    """The corpus at a path; its kind is determined by the first bytes. Raises NotFound, RequestError."""
    path = Path(source).expanduser().absolute()
    if path.is_dir():
        return Corpus(path, "folder", columns)
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        raise NotFound(f"{source} cannot be read: {error.strerror}") from None
    if head.startswith(PARQUET):
        column_of(path, columns)
        return Corpus(path, "parquet", columns)
    kind = kind_of(head, path.name)
    if kind == "web_archive":
        return Corpus(path, "web_archive", columns)
    if kind is not None or b"\0" in head or not head.strip():
        what = "is empty" if not head.strip() else f"is one {kind or 'file of an unknown kind'}"
        raise RequestError(f"{source} {what}; a corpus is a folder, a list of addresses, a WARC or WACZ file, or a Parquet file")
    return Corpus(path, "addresses", columns)


def _of_folder(folder: Path, columns: Columns) -> Iterator[Document]:
    unread: list[tuple[Path, MedlensError]] = []

    def others() -> Iterator[Document]:
        for path, error in unread:
            name = str(path.relative_to(folder))
            if path.suffix == ".parquet" and not isinstance(error, LeftOut):
                yield from _of_parquet(path, name, columns)
            else:
                yield Document(name, path=str(path), error=error)
        unread.clear()

    for source in walk_folder(folder, lambda path, error: unread.append((path, error)), max_files=None):
        yield from others()
        assert source.path is not None
        name = str(source.path.relative_to(folder))
        if source.kind == "web_archive":
            yield from pieces_of(source.path, name)
        else:
            yield Document(name, path=str(source.path))
    yield from others()


def _of_list(path: Path) -> Iterator[Document]:
    """Addresses, one a line; empty lines and lines that begin with # are left out."""
    with path.open("rb") as file:
        number = 0
        while line := file.readline(MAX_LINE + 1):
            number += 1
            if len(line) > MAX_LINE:
                while line and not line.endswith(b"\n"):
                    line = file.readline(MAX_LINE)
                yield Document(f"line {number}", error=NotAUrl(f"line {number} is longer than {MAX_LINE} bytes"))
                continue
            url = line.decode("utf-8", "replace").strip()
            if url and not url.startswith("#"):
                yield Document(url, url=url)


def _of_parquet(path: Path, name: str, columns: Columns) -> Iterator[Document]:
    arrow = pyarrow()
    try:
        column, is_url = column_of(path, columns)
        with arrow.parquet.ParquetFile(path) as file:
            groups = file.metadata.num_row_groups
            rows = [file.metadata.row_group(group).num_rows for group in range(groups)]
            for group in range(groups):
                if not is_url:
                    for row in range(rows[group]):
                        yield Document(f"{name}/{group}-{row}", path=str(path), cell=Cell(group, row, column))
                    continue
                try:
                    values: list[Any] = file.read_row_group(group, columns=[column]).column(0).to_pylist()
                except (arrow.ArrowException, OSError) as error:
                    yield Document(f"{name}/{group}", path=str(path), error=Damaged(f"{name}, row group {group}: {error}"))
                    continue
                for row, value in enumerate(values):
                    wrong = None if isinstance(value, str) and value.strip() else NotAUrl(f"row {row} of {name} has no address")
                    yield Document(f"{name}/{group}-{row}", url=None if wrong else value.strip(), error=wrong)
    except RequestError as error:
        yield Document(name, path=str(path), error=error)
    except (arrow.ArrowException, OSError) as error:
        yield Document(f"{name}#unread", path=str(path), error=Damaged(f"{name} is damaged: {error}"))


def column_of(path: Path, columns: Columns) -> tuple[str, bool]:
    """The column to read, and whether it has addresses. Raises RequestError, which names the columns that there are."""
    arrow = pyarrow()
    try:
        names = arrow.parquet.read_schema(path).names
    except (arrow.ArrowException, OSError) as error:
        raise RequestError(f"{path} is no Parquet file that can be read: {error}") from None
    asked = columns.bytes or columns.url
    if asked is not None:
        if asked in names:
            return asked, columns.bytes is None
        raise RequestError(f"{path} has no column {asked!r}; it has {', '.join(names)}")
    for candidates, is_url in ((BYTES_COLUMNS, False), (URL_COLUMNS, True)):
        for column in candidates:
            if column in names:
                return column, is_url
    raise RequestError(f"name the column by --bytes-column or --url-column; {path} has {', '.join(names)}")
