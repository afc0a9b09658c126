"""Starts Chromium: with which arguments and environment, as which user, in which sandbox.

The browser is launched with a proxy that does not exist, so that its own background requests fail. Its sandbox is on, but does not
work for root; root therefore starts the browser as an unprivileged user. If the machine does not allow that, the log warns of what
is off. The browser gets only those environment variables that programs need.
"""

from __future__ import annotations

import logging
import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import Browser as Chromium
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Playwright

from server.sandbox import unprivileged
from server.sandbox.account import Account, closed_folder, is_root
from server.sandbox.confine import FIRST_USER, USERS
from server.sandbox.environment import passed_on

log = logging.getLogger(__name__)

# Nothing listens on port 9 (discard): Chromium's own requests to its vendor end here.
DEAD_PROXY = "http://127.0.0.1:9"
ARGUMENTS = (
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",  # UDP would bypass the proxy
    "--disable-quic",
    "--mute-audio",
)
# Playwright disables Chromium's popup blocker with this argument; without it, windows that no click opened are blocked.
DROPPED_ARGUMENTS = ("--disable-popup-blocking",)
LAUNCH_TIMEOUT_S = 30.0  # 0.5 s is usual; a cold disk on a loaded machine took 8
# The user as whom root starts the browser: an id that neither readers nor the database use.
USER = Account(FIRST_USER + USERS, FIRST_USER + USERS)


@dataclass(frozen=True, slots=True)
class Way:
    """A way to start the browser. `lowered`: as USER. `sandbox`: with Chromium's sandbox. `off`: what the log says is missing."""

    lowered: bool
    sandbox: bool
    off: str = ""


async def launch(playwright: Playwright, program: Path, temporary: Path) -> Chromium:
    """Start `program` in the safest way that works, with temporary files in `temporary`. Raises PlaywrightError if none works."""
    ways = list(_ways(program))
    for way in ways:
        try:
            started = await _launch(playwright, program, way, temporary)
        except PlaywrightError:
            if way is ways[-1]:
                raise
            continue
        if way.off:
            log.warning("the browser runs %s", way.off)
        return started
    raise AssertionError


def _ways(program: Path) -> Iterator[Way]:
    if not is_root():
        yield Way(lowered=False, sandbox=True)
        return
    if sys.platform == "linux" and (closed := closed_folder(program, USER)) is None:
        yield Way(lowered=True, sandbox=True)
        yield Way(lowered=True, sandbox=False, off="WITHOUT ITS SANDBOX: this machine lets no unprivileged user make namespaces")
        closed_why = "no unprivileged user can start it"
    else:
        closed_why = f"no other user can enter {closed}" if sys.platform == "linux" else "only Linux lets it change its user"
    yield Way(lowered=False, sandbox=False, off=f"AS ROOT AND WITHOUT ITS SANDBOX: {closed_why}; run medlens as another user")


async def _launch(playwright: Playwright, program: Path, way: Way, temporary: Path) -> Chromium:
    with ExitStack() as stack:
        started = stack.enter_context(_launcher(program)) if way.lowered else program
        home = {} if way.lowered or "HOME" not in os.environ else {"HOME": os.environ["HOME"]}
        return await playwright.chromium.launch(
            executable_path=started,
            proxy={"server": DEAD_PROXY},
            args=list(ARGUMENTS),
            ignore_default_args=list(DROPPED_ARGUMENTS),
            chromium_sandbox=way.sandbox,
            env=dict(passed_on(TMPDIR=str(temporary), **home)),
            timeout=LAUNCH_TIMEOUT_S * 1000,
            # Signals are handled by our own process, which first stops the scans, then calls `stop`.
            handle_sigint=False,
            handle_sigterm=False,
            handle_sighup=False,
        )


@contextmanager
def _launcher(program: Path) -> Iterator[Path]:
    """A script that starts `program` as USER: Playwright accepts only a program, to which it adds its own arguments."""
    folder = Path(tempfile.mkdtemp(prefix="medlens-"))
    try:
        words = (sys.executable, "-I", unprivileged.__file__, str(USER.uid), str(program))
        launcher = folder / "chromium"
        launcher.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
        launcher.chmod(0o700)
        yield launcher
    finally:
        shutil.rmtree(folder, ignore_errors=True)
