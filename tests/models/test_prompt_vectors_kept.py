"""Kept vectors of prompts are damaged, cannot be written, become too many, and are wanted by many at once."""

from __future__ import annotations

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from structlog.testing import capture_logs

from server.models import prompt_vectors
from server.models.clip import ZeroShot
from server.models.prompt_vectors import FOLDER, MOST_KEPT, SEAL
from server.models.prompts import PromptClass, Prompts
from tests.models.conftest import IMAGE_VECTORS, PROMPTS, CountingClip, Start, kept


def spoil(path: Path, how: str) -> None:
    data, arrays = path.read_bytes(), load_file(path)
    if how == "bit":
        path.write_bytes(data[:-3] + bytes([data[-3] ^ 1]) + data[-2:])
    elif how in ("half", "nothing", "text"):
        path.write_bytes({"half": data[: len(data) // 2], "nothing": b"", "text": b"no arrays" * 20}[how])
    elif how == "folder":
        path.unlink()
        path.mkdir()
    else:
        arrays |= {
            "type": {"0": arrays["0"].astype(np.float16)},
            "shape": {"0": arrays["0"][:1].copy()},
            "width": {"1": arrays["1"][:, :4].copy()},
            "infinite": {"0": arrays["0"] * np.float32(np.inf)},
            "more": {"2": arrays["1"]},
            "of another": {"1": -arrays["1"]},
        }[how]
        seal = prompt_vectors._seal(path, arrays.values() if how != "of another" else load_file(path).values())
        save_file(arrays, path, metadata={SEAL: seal})


@pytest.mark.parametrize("how", ["bit", "half", "nothing", "text", "type", "shape", "width", "infinite", "more", "of another"])
def test_a_damaged_file_is_logged_and_made_again(start: Start, tmp_path: Path, how: str) -> None:
    _, scores = start()
    spoil(kept(tmp_path)[0], how)
    with capture_logs() as lines:
        times, again = start()
    assert times == 1
    np.testing.assert_array_equal(again, scores)
    assert [line["event"] for line in lines] == ["prompt_vectors_unreadable"]
    assert start()[0] == 0


def test_the_file_of_other_prompts_is_not_taken_for_these(start: Start, tmp_path: Path) -> None:
    start()
    (mine,) = kept(tmp_path)
    start(Prompts((PromptClass("ct", ("a foot", "a hand")), PROMPTS.modalities[1])))
    (other,) = set(kept(tmp_path)) - {mine}
    other.replace(mine)
    assert start()[0] == 1


def test_what_cannot_be_written_only_costs_time(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").mkdir()
    folder = tmp_path / "data" / FOLDER
    folder.write_text("no folder")
    with capture_logs() as lines:
        assert [start()[0], start()[0]] == [1, 1]
    assert [line["event"] for line in lines] == ["prompt_vectors_not_kept"] * 2
    folder.unlink()

    def full(_: Path, __: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as disk, capture_logs() as lines:
        disk.setattr(Path, "write_bytes", full)
        assert start()[0] == 1
    assert [(line["event"], line["why"]) for line in lines] == [("prompt_vectors_not_kept", "No space left on device")]
    start()
    spoil(kept(tmp_path)[0], "folder")
    with capture_logs() as lines:
        assert start()[0] == 1
    assert [line["event"] for line in lines] == ["prompt_vectors_unreadable", "prompt_vectors_not_kept"]


def test_a_folder_that_may_only_be_read_still_serves(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    start()

    def closed(*_: object) -> None:
        raise PermissionError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(os, "utime", closed)
    monkeypatch.setattr(prompt_vectors, "write_atomically", closed)
    assert start()[0] == 0


def test_the_file_unused_for_longest_goes_first_and_what_a_dead_process_left(start: Start, tmp_path: Path) -> None:
    def of(number: int) -> Prompts:
        return Prompts((PromptClass("ct", (f"number {number}",)),))

    for number in range(MOST_KEPT):
        before = set(kept(tmp_path))
        start(of(number))
        (path,) = set(kept(tmp_path)) - before
        os.utime(path, (number, number))
    assert start(of(0))[0] == 0  # used just now
    left, new = kept(tmp_path)[0].with_suffix(".left.part"), kept(tmp_path)[0].with_suffix(".new.part")
    left.write_bytes(b"by a process that died")
    os.utime(left, (0, 0))
    new.write_bytes(b"by one that lives")
    start(of(MOST_KEPT))
    assert len(kept(tmp_path)) == MOST_KEPT + 1
    assert not left.exists()
    assert new.exists()
    assert [start(of(number))[0] for number in (0, 1)] == [0, 1]


def test_many_at_once_get_the_same(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prompt_vectors, "MOST_KEPT", 2)  # so that files go while others read them
    every = [Prompts((PromptClass("ct", (f"number {number}",)),)) for number in range(4)]
    truth = [ZeroShot(CountingClip(), one).scores(IMAGE_VECTORS) for one in every]
    with ThreadPoolExecutor(4) as pool, capture_logs() as lines:
        found = list(pool.map(lambda turn: start(every[turn % 4])[1], range(60)))
    for turn, scores in enumerate(found):
        np.testing.assert_array_equal(scores, truth[turn % 4])
    assert lines == []
    start(Prompts(PROMPTS.modalities))
    assert len(kept(tmp_path)) == 2
