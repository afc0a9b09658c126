"""`medlens share`: a scan or a collection as a folder, by name or id, and what is refused."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

from server.cli.share import _written, share
from server.contract.errors import NotFound, RequestError
from server.settings import Settings
from server.store import collection_items, collections, scans
from server.store.database import Database
from tests.judged import digest, judged


async def test_a_scan_and_a_collection_are_written(
    database: Database, database_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.settings.load_settings", lambda: database_settings)
    scan_id = await scans.create(database, kind="page", target="https://example.org", title="Essay")
    await scans.finish(database, scan_id, status="done", images=[judged("a", thumbnail=b"webp"), judged("b", thumbnail=b"other")])
    one = await collections.create(database, "Teaching Atlas")
    await collection_items.add(database, one.id, shas=[digest("b")], found_in=scan_id)
    for what, copies, name in (
        (str(scan_id), 2, "Essay"),
        ("teaching atlas", 1, one.name),
        (str(one.id), 1, one.name),
    ):
        out = tmp_path / uuid4().hex
        assert await _written(what, out) == f"{out / 'index.html'}: {name}, {copies} images"
        assert len(list((out / "images").iterdir())) == copies
        assert f"<title>{name}</title>" in (out / "index.html").read_text("utf-8")
        assert (out / "index.de.html").is_file()
    for nothing in ("no such", str(uuid4())):
        with pytest.raises(NotFound, match="no collection"):
            await _written(nothing, tmp_path / "none")


def test_a_folder_with_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for out in (tmp_path, tmp_path / "file"):
        with pytest.raises(RequestError, match="not an empty folder"):
            share("x", out)
