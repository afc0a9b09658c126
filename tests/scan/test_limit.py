"""MEDLENS_MAX_IMAGES is exact, also for images processed at the same time and for cached ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.scan.resources import ScanResources
from tests.scan.conftest import Run
from tests.site import Site, page, picture

HERE = 30  # more than a scan has in hand at once


@pytest.fixture
def limit(resources: ScanResources, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "settings", resources.settings.model_copy(update={"max_images": 3}))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(HERE):
        (tmp_path / f"{number:02}.png").write_bytes(picture("PNG", (96, 80), number * 7 + 1))
    return tmp_path


async def test_a_page_with_more_images_says_so(site: Site, run: Run, limit: None) -> None:
    for number in range(5):
        site.add(f"/{number}.png", picture("PNG", (200, 160), number * 7), "image/png")
    report = await run(site.add("/many.html", page(*(f'<img src="/{number}.png">' for number in range(5)))))
    assert (report["status"], len(report["images"]), report["counts"]["skipped"]) == ("partial", 3, {"too_many": 2})


async def test_images_in_hand_together_do_not_pass_it(folder: Path, run: Run, limit: None) -> None:
    report = await run(str(folder))
    assert (report["status"], len(report["images"])) == ("partial", 3)
    assert report["counts"]["skipped"] == {"too_many": HERE - 3}
    assert report["counts"]["found"] == HERE


async def test_remembered_images_count_too(
    folder: Path, run: Run, resources: ScanResources, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len((await run(str(folder)))["images"]) == HERE
    monkeypatch.setattr(resources, "settings", resources.settings.model_copy(update={"max_images": 3}))
    report = await run(str(folder))
    assert (report["status"], len(report["images"]), report["counts"]["skipped"]) == ("partial", 3, {"too_many": HERE - 3})
    assert all(image["verdict"]["cached"] for image in report["images"])


async def test_what_may_not_count_does_not(folder: Path, run: Run, limit: None) -> None:
    """Broken files, blank ones and small ones take no other's place; all places of what is passed by are counted."""
    for number in range(3, HERE):
        (folder / f"{number:02}.png").unlink()
    (folder / "00-broken.png").write_bytes(picture("PNG", (300, 240), 9)[:2_000])
    (folder / "ab.png").write_bytes(picture("PNG", (20, 20), 3))
    (folder / "ac.png").write_bytes(picture("PNG", (20, 20), 3))
    report = await run(str(folder))
    assert (len(report["images"]), report["counts"]["skipped"]) == (3, {"broken": 1, "too_small": 2})
    assert report["counts"]["found"] == 6


async def test_broken_images_of_a_folder_are_named(folder: Path, run: Run) -> None:
    broken = picture("PNG", (300, 240), 9)
    for name, data in {"broken.png": broken[:2_000], "header.png": broken[:20], "same.png": broken[:2_000]}.items():
        (folder / name).write_bytes(data)
    report = await run(str(folder))
    named = {notice["message"].partition(":")[0]: notice["code"] for notice in report["notices"] if "png" in notice["message"]}
    assert named == dict.fromkeys(("broken.png", "header.png", "same.png"), "damaged")
    assert report["counts"]["skipped"] == {"broken": 3}
