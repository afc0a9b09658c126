"""`medlens corpus` by the local engine: rows, errors as rows, one verdict an image, and what is refused before work begins."""

from __future__ import annotations

from collections import namedtuple
from pathlib import Path

import pytest

pytest.importorskip("pyarrow", reason="the extra [ray] is not installed")

import pyarrow
from pyarrow import parquet

from server.contract.errors import RequestError
from server.corpus import manifest, output
from server.corpus.listing import Columns, open_corpus
from server.corpus.near import write_groups
from server.settings import Settings
from tests.corpus.drawn_corpus import counted, draw_folder, picture, png, rows, run

IMAGES = 10


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", members=("cnn",))


def test_each_image_is_judged_once_and_each_error_is_a_row(tmp_path: Path, settings: Settings) -> None:
    source, out = draw_folder(tmp_path / "in", IMAGES), tmp_path / "out"
    (source / "notes.txt").write_text("no document")
    summary = run(source, out, settings)
    found = rows(out)
    images = [row for row in found if row["sha256"]]
    assert sorted(row["document"] for row in images) == [f"{number:05}.png" for number in range(IMAGES)]
    assert len({row["sha256"] for row in images}) == summary.counts["judged"] == IMAGES * 4 // 5
    errors = {row["document"]: row["error"] for row in found if row["error"]}
    assert set(errors) == {"broken.png", "broken.pdf", "notes.txt"}
    assert errors["notes.txt"] == "unknown_kind"
    assert all(row["modality"] == "error" for row in found if row["error"])
    assert summary.counts["documents"] == IMAGES + 3
    first = min(images, key=lambda row: str(row["document"]))
    assert first["places"][0]["kind"] == "file"
    assert sum(first["probabilities"].values()) == pytest.approx(1)


def test_a_finished_run_has_nothing_left_and_new_documents_are_added(tmp_path: Path, settings: Settings) -> None:
    source, out = draw_folder(tmp_path / "in", IMAGES), tmp_path / "out"
    run(source, out, settings)
    before = counted(out)
    assert run(source, out, settings).documents == 0
    assert counted(out) == before
    (source / "later.png").write_bytes(png(0))
    summary = run(source, out, settings)
    assert summary.documents == 1
    assert summary.counts["judged"] == IMAGES * 4 // 5  # its bytes were known
    assert (counted(out) - before).total() == 1


def test_a_part_that_was_cut_off_is_removed(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a kill between the files of a part and its entry in the manifest leaves it."""
    source, out = draw_folder(tmp_path / "in", IMAGES), tmp_path / "out"
    monkeypatch.setattr(output.Writer.__init__, "__defaults__", (4,))
    commit, commits = manifest.Manifest.commit, 0

    def killed(self: manifest.Manifest, *arguments: object) -> None:
        nonlocal commits
        commits += 1
        if commits == 2:
            raise RuntimeError("killed")
        commit(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(manifest.Manifest, "commit", killed)
    with pytest.raises(RuntimeError, match="killed"):
        run(source, out, settings)
    assert len(list(out.glob("modality=*/part-000001.parquet"))) >= 1
    monkeypatch.setattr(manifest.Manifest, "commit", commit)
    assert run(source, out, settings).before == 4
    run(source, tmp_path / "whole", settings)
    assert counted(out) == counted(tmp_path / "whole")


def test_near_duplicates_of_different_documents_are_grouped(tmp_path: Path, settings: Settings) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    picture(1, 200).save(source / "large.png")
    picture(1, 200).save(source / "large.jpg", quality=90)
    picture(2, 200).save(source / "other.png")
    run(source, out, settings)
    group = {row["sha256"]: row["original"] for row in parquet.read_table(out / manifest.GROUPS).to_pylist()}
    by_name = {row["document"]: row["sha256"] for row in rows(out)}
    assert group[by_name["large.jpg"]] == group[by_name["large.png"]]
    assert group[by_name["other.png"]] == by_name["other.png"]
    assert write_groups(out, max_images=2) is None
    assert not (out / manifest.GROUPS).exists()


def test_parquet_with_bytes_and_with_addresses(tmp_path: Path, settings: Settings) -> None:
    source = tmp_path / "in.parquet"
    parquet.write_table(pyarrow.table({"picture": [png(1), None, b"junk", png(2)], "link": ["ftp://a", "", None, "x"]}), source)
    with pytest.raises(RequestError, match="no column 'nothing'; it has picture, link"):
        open_corpus(str(source), Columns("nothing"))
    run(source, tmp_path / "out", settings, columns=Columns("picture"))
    found = {row["document"]: row["error"] for row in rows(tmp_path / "out")}
    assert found == {"in.parquet/0-0": None, "in.parquet/0-1": "damaged", "in.parquet/0-2": "unknown_kind", "in.parquet/0-3": None}
    run(source, tmp_path / "links", settings, columns=Columns(url="link"))
    codes = [row["error"] for row in sorted(rows(tmp_path / "links"), key=lambda row: str(row["document"]))]
    assert codes[:3] == ["scheme_not_allowed", "not_a_url", "not_a_url"]


def test_a_lost_and_a_forbidden_address_are_rows(tmp_path: Path, settings: Settings) -> None:
    source = tmp_path / "list.txt"
    source.write_text("# a list\nhttp://127.0.0.1:9/a.png\n\nhttp://127.0.0.1:9/a.png\nhttp://nothing.invalid/b.png\n")
    summary = run(source, tmp_path / "out", settings)
    assert summary.counts["documents"] == summary.counts["failed"] == 2
    found = {row["document"]: row["error"] for row in rows(tmp_path / "out")}
    assert found == {"http://127.0.0.1:9/a.png": "address_not_allowed", "http://nothing.invalid/b.png": "host_not_found"}


def test_what_is_refused_before_work_begins(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    source, out = draw_folder(tmp_path / "in", 5), tmp_path / "out"
    with pytest.raises(RequestError, match="cannot be read"):
        open_corpus(str(tmp_path / "missing"))
    (tmp_path / "file").write_text("x")
    with pytest.raises(RequestError, match="cannot be written"):
        run(source, tmp_path / "file", settings)
    with pytest.raises(RequestError, match="lies in the corpus"):
        run(source, source / "out", settings)
    with pytest.raises(RequestError, match="holds other files"):
        run(source, tmp_path, settings)
    run(source, out, settings)
    with pytest.raises(RequestError, match="min_image_side was 64 and is now 32"):
        run(source, out, settings.model_copy(update={"min_image_side": 32}))
    with pytest.raises(RequestError, match="model_version was"):
        run(source, out, settings.model_copy(update={"members": ("cnn", "kmeans")}))
    with pytest.raises(RequestError, match="source was"):
        run(draw_folder(tmp_path / "in2", 5), out, settings)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(manifest.shutil, "disk_usage", lambda _: usage(1, 1, manifest.MIN_FREE_BYTES - 1))
    with pytest.raises(RequestError, match="MB are needed"):
        run(source, tmp_path / "full", settings)
