"""Reports as a CSV file, one row an image, in the columns of the service's own export."""

from __future__ import annotations

import csv
from pathlib import Path

from server.records import Report
from server.store.export import Exported
from server.web.exports import COLUMNS, csv_row


class CsvFile:
    """`add` appends a Report's rows; the file is begun anew with the headings."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._write([COLUMNS], "w")

    def add(self, report: Report) -> None:
        about = (report.id, report.kind, report.target, report.title, report.status, report.created_at)
        self._write([csv_row(Exported(*about, judged)) for judged in report.images], "a")

    def _write(self, rows: list[tuple[str, ...]] | list[list[object]], mode: str) -> None:
        with self._path.open(mode, newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(rows)
