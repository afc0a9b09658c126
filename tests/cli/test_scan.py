"""`medlens scan` as people and pipes use it, in a process of its own, from nothing to the answer."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from pydicom.data import get_testdata_file

from tests.site import picture


def medlens(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "server", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=180, check=False)


def test_json_is_clean_and_the_rest_is_written_beside_it(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(picture("JPEG", (320, 240), 4))
    scan = str(get_testdata_file("CT_small.dcm", download=False))
    rows, sorted_into = tmp_path / "rows.csv", tmp_path / "sorted"
    done = medlens(
        environment, "scan", scan, str(tmp_path / "photo.jpg"), str(tmp_path / "nothing.pdf"),
        "--json", "--csv", str(rows), "--save", str(sorted_into),
    )  # fmt: skip
    assert done.returncode == 1, done.stderr  # the third target failed
    ct, photo, nothing = map(json.loads, done.stdout.splitlines())
    assert [one["status"] for one in (ct, photo, nothing)] == ["done", "done", "failed"]
    assert nothing["error"]["code"] == "not_found"
    with rows.open(newline="") as file:
        assert [row["sha256"] for row in csv.DictReader(file)] == [one["images"][0]["sha256"] for one in (ct, photo)]
    kept = {path.relative_to(sorted_into).parts[0]: path for path in sorted_into.rglob("*") if path.is_file()}
    verdict = photo["images"][0]["verdict"]
    folder = "uncertain" if verdict["uncertain"] else verdict["modality"]
    assert kept[folder].read_bytes() == (tmp_path / "photo.jpg").read_bytes()


def test_a_reader_that_leaves_early_ends_it_quietly(environment: dict[str, str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "server", "scan", str(tmp_path / "none.pdf"), str(tmp_path / "none.png"), "--json"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as scanning:
        assert scanning.stdout
        assert scanning.stderr
        scanning.stdout.close()
        assert "Traceback" not in scanning.stderr.read()
    assert scanning.returncode == 1


def test_a_table_is_shown_and_verdicts_are_cached(environment: dict[str, str]) -> None:
    scan = str(get_testdata_file("MR_small.dcm", download=False))
    first, second = (medlens(environment, "scan", scan) for _ in range(2))
    assert first.returncode == second.returncode == 0, first.stderr
    assert "DICOM agrees" in " ".join(first.stdout.split())
    assert any(line.strip().startswith("MR_small.dcm ") for line in first.stdout.splitlines())
    assert "1 cached" in second.stdout


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("scan",), "Missing argument"),
        (("scan", "x.png", "--members", "oracle"), "oracle"),
        (("batch", "-", "--nope"), "--nope"),
        (("batch", "/nosuch/list.txt"), "'/nosuch/list.txt' cannot be read"),
    ],
)
def test_wrong_usage_ends_with_code_2_and_one_clear_line(
    words: tuple[str, ...], complaint: str, environment: dict[str, str]
) -> None:
    done = medlens(environment, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert complaint in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_that_cannot_be_written_is_one_line(environment: dict[str, str]) -> None:
    done = medlens(environment, "scan", "/nosuch/picture.png", "--csv", "/nosuch/rows.csv")
    assert done.returncode == 1
    assert "medlens: /nosuch/rows.csv: No such file or directory" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_setting_is_told_by_its_name(environment: dict[str, str]) -> None:
    done = medlens(environment | {"MEDLENS_PORTS": "1"}, "config")
    assert done.returncode == 2
    assert "MEDLENS_PORTS" in done.stderr


def test_batch_takes_files_and_refuses_what_is_none(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(picture("PNG", (320, 240), 6))
    (tmp_path / "list.txt").write_text(f"# to look at\n{tmp_path / 'photo.png'}\nftp://example.org/x\n")
    done = medlens(environment, "batch", str(tmp_path / "list.txt"))
    assert done.returncode == 1
    assert "queued" in done.stdout
    assert "ftp" in done.stderr


def test_the_token_is_kept_and_can_be_changed(environment: dict[str, str]) -> None:
    first, again = (medlens(environment, "token").stdout.strip() for _ in range(2))
    assert len(first) > 30
    assert first == again
    assert medlens(environment, "token", "--rotate").stdout.strip() not in ("", first)
    assert "/login?code=" in medlens(environment, "token", "--link").stdout


def test_a_folder_with_a_huge_file_and_a_pipe_beside_an_image(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(picture("JPEG", (320, 240), 4))
    (tmp_path / "huge.png").touch()
    os.truncate(tmp_path / "huge.png", 50_000_000_000)
    os.mkfifo(tmp_path / "pipe.jpg")
    done = medlens(environment, "scan", str(tmp_path), "--json")
    report = json.loads(done.stdout)
    assert (report["status"], report["counts"]["unique"]) == ("partial", 1), done.stderr
    assert report["counts"]["skipped"] == {"too_large": 1, "unreadable": 1}
    assert "Traceback" not in done.stderr


def test_ctrl_c_ends_it_at_once_and_leaves_no_process(environment: dict[str, str], tmp_path: Path) -> None:
    for number in range(60):
        (tmp_path / f"{number}.jpg").write_bytes(picture("JPEG", (320, 240), number))
    command = [sys.executable, "-m", "server", "scan", str(tmp_path), "--no-cache"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as scanning:
        one = psutil.Process(scanning.pid)
        while not any("server.sandbox.fork_server" in " ".join(child.cmdline()) for child in one.children()):
            time.sleep(0.05)  # by then it reads
        tree = one.children(recursive=True)
        scanning.send_signal(signal.SIGINT)
        scanning.wait(60)
        assert scanning.stderr
        assert "Traceback" not in scanning.stderr.read()
    assert scanning.returncode == 130
    _, alive = psutil.wait_procs([child for child in tree if "postgres" not in child.name()], 20)
    assert alive == []
