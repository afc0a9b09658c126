"""Finds a Chromium on this machine: the one named by MEDLENS_CHROMIUM, else an installed one, else Playwright's download.

Nothing is started or installed.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from server.contract.errors import BrowserMissing
from server.settings import Settings

HOW_TO_GET_ONE = (
    "no Chromium found: install Chrome, Chromium or Edge, or run `playwright install chromium` in this environment "
    "(on Debian as root: `apt-get install chromium`), or set MEDLENS_CHROMIUM to one"
)
ON_PATH = (
    "google-chrome",
    "google-chrome-stable",
    "chromium",
    "chromium-browser",
    "chrome",
    "microsoft-edge",
    "microsoft-edge-stable",
    "msedge",
)
MAC_APPS = ("Google Chrome", "Chromium", "Microsoft Edge")
WINDOWS_FOLDERS = ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA")
WINDOWS_PROGRAMS = tuple(
    f"{folder}/Application/{program}"
    for folder, program in (("Google/Chrome", "chrome.exe"), ("Chromium", "chrome.exe"), ("Microsoft/Edge", "msedge.exe"))
)
# Playwright installs chromium-1234/chrome-linux64/chrome and the like. The newest version is used, the full browser before the
# shell.
DOWNLOADED = ("chromium-*/chrome-*/**", "chromium_headless_shell-*/chrome-*/**")
PROGRAM_NAMES = ("chrome", "chrome.exe", "Chromium", "Google Chrome for Testing", "headless_shell", "chrome-headless-shell")


def find_chromium(settings: Settings) -> Path | None:
    """The browser to render with, or None. Raises BrowserMissing when MEDLENS_CHROMIUM is not an executable file."""
    if settings.chromium is not None:
        if not _runs(settings.chromium):
            raise BrowserMissing(f"MEDLENS_CHROMIUM names {settings.chromium}, which is not a program; {HOW_TO_GET_ONE}")
        return settings.chromium
    return next((place for place in (*_installed(), *_downloaded()) if _runs(place)), None)


def _runs(place: Path) -> bool:
    return place.is_file() and os.access(place, os.X_OK)


def _installed() -> Iterator[Path]:
    yield from (Path(found) for name in ON_PATH if (found := shutil.which(name)))
    if sys.platform == "darwin":
        for folder in (Path("/Applications"), Path.home() / "Applications"):
            yield from (folder / f"{app}.app" / "Contents" / "MacOS" / app for app in MAC_APPS)
    if sys.platform == "win32":
        for folder in filter(None, (os.environ.get(name) for name in WINDOWS_FOLDERS)):
            yield from (Path(folder) / program for program in WINDOWS_PROGRAMS)


def _downloaded() -> Iterator[Path]:
    for pattern in DOWNLOADED:
        found = [place for place in _download_folder().glob(f"{pattern}/*") if place.name in PROGRAM_NAMES]
        yield from sorted(found, key=_number, reverse=True)


def _number(place: Path) -> int:
    parts = [part.rpartition("-")[2] for part in place.parts if part.startswith("chromium")]
    return next((int(part) for part in parts if part.isdigit()), 0)


def _download_folder() -> Path:
    """Where Playwright puts browsers; "0" means inside its own package."""
    given = os.environ.get("PLAYWRIGHT_BROWSERS_PATH")
    if given and given != "0":
        return Path(given)
    if given == "0":
        import playwright  # noqa: PLC0415 - only its place on disk is wanted

        return Path(playwright.__file__).parent / "driver" / "package" / ".local-browsers"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "ms-playwright"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "ms-playwright"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "ms-playwright"
