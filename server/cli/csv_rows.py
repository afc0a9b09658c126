"""Reports as a CSV file, one row an image, in the columns of the service's own export."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from server.contract.csv_table import write_csv
from server.contract.records import Report
from server.store.export import Exported
from server.web.api.exports import COLUMNS, csv_row


class CsvFile:
    """`add` appends a Report's rows; the file is begun anew with the headings."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._write([COLUMNS], "w")

    def add(self, report: Report) -> None:
        about = (report.id, report.kind, report.target, report.title, report.status, report.created_at)
        self._write([csv_row(Exported(*about, judged)) for judged in report.images], "a")

    def _write(self, rows: Sequence[Sequence[object]], mode: str) -> None:
        with self._path.open(mode, newline="", encoding="utf-8") as file:
            write_csv(file, rows)
