"""`medlens browser`: finds the Chromium that renders pages, or gets one. Part of the set-up; safe to run again.

It tries, in this order: MEDLENS_CHROMIUM, an installed Chrome, Chromium or Edge, Playwright's own download, and as root on Debian
the package. When none of these works, the error says what to do.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import Annotated

import typer

from server.contract.errors import BrowserMissing

DOWNLOAD_S = 600.0  # 170 MB over a slow line
INSTALL_S = 600.0

Quiet = Annotated[bool, typer.Option("--quiet", help="Print nothing when there is one.")]


def browser(quiet: Quiet = False) -> None:
    """Find a Chromium for rendering pages, or get one."""
    from server.extract.chromium import HOW_TO_GET_ONE, find_chromium
    from server.settings import load_settings

    settings = load_settings()
    found = find_chromium(settings)
    for get in (_from_playwright, _from_debian):
        if found is None and get():
            found = find_chromium(settings)
    if found is None:
        raise BrowserMissing(HOW_TO_GET_ONE)
    if not quiet:
        print(found)


def _from_playwright() -> bool:
    _say("no Chrome, Chromium or Edge here; asking Playwright for its Chromium")
    return _run([sys.executable, "-m", "playwright", "install", "chromium"], DOWNLOAD_S)


def _from_debian() -> bool:
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        return False
    _say("Playwright has no Chromium for this machine; installing Debian's package")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    update = _run(["apt-get", "update", "-qq"], INSTALL_S, environment)
    return update and _run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"], INSTALL_S, environment)


def _run(command: list[str], limit_s: float, environment: dict[str, str] | None = None) -> bool:
    """Whether the command succeeded; the last lines of its output go to stderr when it did not."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit_s, env=environment, check=False)
    except subprocess.TimeoutExpired:
        _say(f"{command[0]} took longer than {limit_s:.0f} s")
        return False
    if done.returncode:
        _say("\n".join((done.stderr or done.stdout).strip().splitlines()[-2:]))
    return done.returncode == 0


def _say(text: str) -> None:
    print(f"medlens: {text}", file=sys.stderr, flush=True)
