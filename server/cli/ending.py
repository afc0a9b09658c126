"""How a long-running process is told to end, and that it does: by SIGINT or SIGTERM, or by losing its parent.

The first signal asks; the second one ends the process at once. Whoever was asked and has not gone within a limit is ended by the
system's alarm clock, which waits neither for the event loop nor for native code: an orphaned worker must not live on.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import NoReturn

# A worker puts its scans back and closes its browser in less. What a process that was cut short leaves is taken up by the next one.
LEAVE_S = 10.0
# An orphan has nobody left to answer to; its scans are missed and done again all the same.
ORPHAN_S = 4.0
PARENT_EVERY_S = 0.2
SIGNALS = (signal.SIGINT, signal.SIGTERM)


def listen(*, attached: bool = False, leave_s: float = LEAVE_S) -> asyncio.Event:
    """An event of the running loop that is set when this process is to end; from then on it has `leave_s` seconds.

    `attached`: also when standard input ends, which a parent holds open for as long as it lives. To be called in the main thread.
    """
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()

    def ask() -> None:
        if not asked.is_set():
            signal.setitimer(signal.ITIMER_REAL, leave_s)
            loop.call_soon_threadsafe(asked.set)

    def on_signal(number: int, _: FrameType | None) -> None:
        for each in SIGNALS:
            signal.signal(each, signal.SIG_DFL)
        ask()

    for each in SIGNALS:
        signal.signal(each, on_signal)
    if attached:
        # A thread, not the loop: what keeps the loop busy must not keep an orphan alive.
        threading.Thread(target=_await_parent, args=(ask,), name="watch the parent", daemon=True).start()
    return asked


def _await_parent(ask: Callable[[], None]) -> None:
    """Ask when standard input ends; once the parent is gone too, leave only ORPHAN_S."""
    parent = os.getppid()
    with suppress(OSError):
        while os.read(sys.stdin.fileno(), 4096):
            pass
    ask()
    while os.getppid() == parent:
        time.sleep(PARENT_EVERY_S)
    left, _ = signal.getitimer(signal.ITIMER_REAL)
    signal.setitimer(signal.ITIMER_REAL, min(left or ORPHAN_S, ORPHAN_S))


def leave() -> NoReturn:
    """End the process now that all is put away; never returns.

    Python would first wait for every thread, and one that computes (vectors of new prompts take minutes) cannot be told to stop.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
