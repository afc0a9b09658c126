"""Takes from the reader of an untrusted file every right that it does not need, before it gets the first byte.

In order: limits (limits.py); another user, where we are root; no new privileges;
files by Landlock; system calls by seccomp; the end with its parent. What the platform does not have is left out and named in
`missing`, for the log (check.py): a guard that is off is not a secret.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

from server.sandbox import landlock, seccomp
from server.sandbox.limits import Limits, apply_limits, limit_threads

# Users of readers as root: those that systemd, too, gives to services without an account, so that they own no file. Each reader
# gets the next one: readers can neither signal nor trace each other.
FIRST_USER, USERS = 61184, 4096
PR_SET_PDEATHSIG, PR_SET_DUMPABLE = 1, 4


missing: tuple[str, ...] = ()  # of this process, once it is confined


def confine(limits: Limits, parent: int, file: str | None = None) -> None:
    """Confine this process, the child of `parent`, irrevocably; it may still read `file`.

    A child whose parent has ended already ends here.
    """
    global missing  # noqa: PLW0603 - a fact about this process, found out once
    apply_limits(limits)
    done = {
        "unprivileged user": _drop_root(),
        "no new privileges": seccomp.no_new_privileges(),
        "files (Landlock)": landlock.shut_in((*landlock.READABLE, file) if file else landlock.READABLE),
    }
    _end_with(parent)
    done["system calls (seccomp)"] = seccomp.refuse_calls()
    missing = tuple(name for name, worked in done.items() if not worked)


def _drop_root() -> bool:
    """Become a user who owns nothing. False when we are root and stay so."""
    if os.getuid() != 0 and os.geteuid() != 0:
        return True
    user = FIRST_USER + os.getpid() % USERS
    try:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    except OSError:  # a container that maps few users
        return False
    limit_threads()
    return True


def _end_with(parent: int) -> None:
    """End with the parent, and let no process trace this one. Called after the change of user, which would undo both."""
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
