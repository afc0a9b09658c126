"""Which browser is found on a machine, in the documented order, and the error when there is none."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from server.contract.errors import BrowserMissing, RenderError
from server.extract import chromium
from server.extract.browser import Browser, find_chromium
from server.settings import Settings


def program(folder: Path, name: str) -> Path:
    place = folder / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("#!/bin/sh\nexit 1\n")
    place.chmod(0o755)
    return place


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine without a browser: PATH and Playwright's folder are empty."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path / "downloads"))
    monkeypatch.setattr(sys, "platform", "linux")
    return tmp_path


def test_the_setting_comes_first(bare: Path) -> None:
    program(bare, "bin/chromium")
    own = program(bare, "own-chromium")
    assert find_chromium(Settings(chromium=own)) == own


def test_a_setting_that_names_no_program_is_an_error(bare: Path) -> None:
    with pytest.raises(BrowserMissing, match="MEDLENS_CHROMIUM"):
        find_chromium(Settings(chromium=bare / "nothing"))


def test_an_installed_one_comes_before_a_download(bare: Path) -> None:
    program(bare, "downloads/chromium-1300/chrome-linux64/chrome")
    newer = program(bare, "downloads/chromium-1400/chrome-linux64/chrome")
    program(bare, "downloads/chromium_headless_shell-1500/chrome-headless-shell-linux64/chrome-headless-shell")
    assert find_chromium(Settings()) == newer
    installed = program(bare, "bin/microsoft-edge")
    assert find_chromium(Settings()) == installed


@pytest.mark.parametrize(
    ("platform", "variable", "place"),
    [
        ("win32", "PROGRAMFILES", "Google/Chrome/Application/chrome.exe"),
        ("win32", "LOCALAPPDATA", "Microsoft/Edge/Application/msedge.exe"),
        ("darwin", "HOME", "Applications/Google Chrome.app/Contents/MacOS/Google Chrome"),
    ],
)
def test_the_usual_places(bare: Path, monkeypatch: pytest.MonkeyPatch, platform: str, variable: str, place: str) -> None:
    monkeypatch.setattr(chromium.shutil, "which", lambda _: None)
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setenv(variable, str(bare / "home"))
    expected = program(bare / "home", place)
    assert find_chromium(Settings()) == expected


async def test_without_a_browser_it_says_how_to_get_one(bare: Path) -> None:
    assert find_chromium(Settings()) is None
    async with Browser(Settings()) as browser:
        with pytest.raises(BrowserMissing, match="playwright install chromium"):
            await browser.start()


async def test_a_program_that_is_no_browser(bare: Path) -> None:
    async with Browser(Settings(chromium=program(bare, "chrome"))) as browser:
        with pytest.raises(RenderError, match="does not start"):
            await browser.start()
        assert not browser.running
