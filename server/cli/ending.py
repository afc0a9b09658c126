"""Ends a long-running process: on SIGINT or SIGTERM, or when its parent ends.

The first signal requests an orderly end; the second one ends the process at once. A process that has not ended within a limit is
ended by the system's timer (setitimer), which works also while the event loop or native code is busy: an orphaned worker must not
live on.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from types import FrameType
from typing import Any, NoReturn, TypeVar

# A worker puts its scans back and closes its browser in less. Scans of a process that was cut short are run by another one.
LEAVE_S = 10.0
# Nobody waits for an orphaned worker; its scans are run again by another one in any case.
ORPHAN_S = 3.0
PARENT_EVERY_S = 0.2
INTERRUPTED = 130  # the exit status that shells expect after Ctrl-C
SIGNALS = (signal.SIGINT, signal.SIGTERM)

WATCHING = "watch the parent"

Done = TypeVar("Done")
_watchers: list[Callable[[], None]] = []
_input_ended = threading.Event()


def listen(*, attached: int | None = None, leave_s: float = LEAVE_S) -> asyncio.Event:
    """An event of the running loop that is set when this process is to end; from then on it has `leave_s` seconds.

    `attached`: the process that started us; then the end of standard input, which it holds open while it lives, counts too. To be
    called in the main thread.
    """
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()

    def ask() -> None:
        if not asked.is_set():
            _leave_within(leave_s)
            loop.call_soon_threadsafe(asked.set)

    def on_signal(number: int, _: FrameType | None) -> None:
        for each in SIGNALS:
            signal.signal(each, signal.SIG_DFL)
        ask()

    for each in SIGNALS:
        signal.signal(each, on_signal)
    if attached is not None:
        _watchers.append(ask)
        attach(attached)
        if _input_ended.is_set():
            ask()
    return asked


def attach(parent: int) -> None:
    """Watch the process `parent`, which started us, from now on. Further calls do nothing.

    Call it before the imports, which on a busy machine take half a minute. A thread watches, so that an orphan ends even
    before there is an event loop, and while it is busy.
    """
    if not any(thread.name == WATCHING for thread in threading.enumerate()):
        threading.Thread(target=_await_parent, args=(parent,), name=WATCHING, daemon=True).start()


def _await_parent(parent: int) -> None:
    """Call the watchers when standard input ends; once the parent has ended too, allow ORPHAN_S."""
    with suppress(OSError):
        while os.read(sys.stdin.fileno(), 4096):
            pass
    _input_ended.set()
    for ask in _watchers:
        ask()
    while os.getppid() == parent:  # it may have died before we looked
        time.sleep(PARENT_EVERY_S)
    _leave_within(ORPHAN_S)


def _leave_within(seconds: float) -> None:
    """Have the system end this process after `seconds`, or earlier if an earlier end was set before."""
    left, _ = signal.getitimer(signal.ITIMER_REAL)
    signal.setitimer(signal.ITIMER_REAL, min(left or seconds, seconds))


async def until_asked(work: Coroutine[Any, Any, Done], *, attached: int | None = None, status: int = 0) -> Done:
    """The result of `work`. When this process is to end first: cancel it, wait for it, and end the process with `status`."""
    asked = listen(attached=attached)
    working = asyncio.create_task(work, name="work")
    stopping = asyncio.create_task(asked.wait(), name="wait for the end")
    await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not working.done():
        working.cancel()
        await asyncio.wait((working,))
        if working.cancelled() or working.exception() is None:
            leave(status)
    return working.result()


def leave(status: int = 0) -> NoReturn:
    """End the process, after everything was closed; never returns.

    Python would first wait for every thread, and one that computes (vectors of new prompts take minutes) cannot be stopped.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
