"""Writes tables as CSV, for all of medlens, so that no cell is run as a formula by a spreadsheet.

Cells hold titles, alt texts, file names and class names from untrusted pages, documents and users. Text is guarded, numbers are
written as numbers.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import IO

# What Excel, LibreOffice and Sheets take for the start of a formula, the wide forms that they fold to it included, also behind
# blanks that they drop (Unicode's, the byte order mark and the zero-width space); and control characters that split or hide a cell.
FORMULA = re.compile(r"[\s\u200b\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")


def safe_cell(value: object) -> object:
    """`value` as a cell that no spreadsheet runs: text that looks like a formula gets an apostrophe in front."""
    return f"'{value}" if isinstance(value, str) and FORMULA.match(value) else value


def write_csv(out: IO[str], rows: Iterable[Sequence[object]]) -> None:
    """Append `rows` to `out` (a file opened with newline=""), every cell guarded."""
    csv.writer(out).writerows([safe_cell(cell) for cell in row] for row in rows)


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    """`rows` as the text of a CSV file."""
    out = io.StringIO()
    write_csv(out, rows)
    return out.getvalue()
