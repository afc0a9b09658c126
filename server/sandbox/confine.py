"""Takes from a reader of strangers' files all that it does not need, before it sees the first byte of one.

In order: limits on memory, processor time, file size, descriptors and threads; another user, where we are root; no new privileges;
files by Landlock; system calls by seccomp; the end with its parent. What the platform does not have is left out and named in
`missing`, for the log (check.py): a guard that is off is not a secret.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from server.sandbox import landlock, seccomp

# What a reader gets on top of what is loaded already, however small its limit: enough to say what went wrong.
LEAST_MEMORY_MB = 256
# Descriptors: the pipe to its parent, and a library that is loaded late. A reader has about eight.
MAX_DESCRIPTORS = 64
# Threads and processes of a reader's own user: decoders of AVIF start one for each core.
MAX_THREADS = 128
# Users of readers as root: those that systemd, too, gives to services without an account, so that no file on disk is theirs. Each
# reader gets the next one: readers can neither signal nor trace each other.
FIRST_USER, USERS = 61184, 4096
PR_SET_PDEATHSIG, PR_SET_DUMPABLE = 1, 4


@dataclass(frozen=True, slots=True)
class Limits:
    """`memory_mb` of address space, `cpu_s` of processor time, after which the system ends the process, parent or not."""

    memory_mb: int
    cpu_s: float


missing: tuple[str, ...] = ()  # of this process, once it is confined


def confine(limits: Limits, parent: int) -> None:
    """Confine this process, the child of `parent`, for good. A child whose parent is gone already ends here."""
    global missing  # noqa: PLW0603 - a fact about this process, found out once
    _limit(limits)
    done = {
        "unprivileged user": _drop_root(),
        "no new privileges": seccomp.no_new_privileges(),
        "files (Landlock)": landlock.shut_in(),
    }
    _end_with(parent)
    done["system calls (seccomp)"] = seccomp.refuse_calls()
    missing = tuple(name for name, worked in done.items() if not worked)


def _limit(limits: Limits) -> None:
    seconds = max(1, int(limits.cpu_s) + 1)
    allowed = max(limits.memory_mb, _mapped_mb() + LEAST_MEMORY_MB) * 1024 * 1024
    for kind, most in (
        (resource.RLIMIT_CORE, 0),  # a core would hold a stranger's file, and ours
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_AS, allowed),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, MAX_DESCRIPTORS),
    ):
        resource.setrlimit(kind, (most, most))


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
    # Counted by user: of a user that others share, the limit would count their processes too.
    resource.setrlimit(resource.RLIMIT_NPROC, (MAX_THREADS, MAX_THREADS))
    return True


def _end_with(parent: int) -> None:
    """Be killed when the parent dies, and be nobody's to look into. Comes after the change of user, which would undo both."""
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def _mapped_mb() -> int:
    """Address space in use, MiB; 0 where the system does not say (there RLIMIT_AS is not kept either)."""
    try:
        return int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize() // (1024 * 1024)
    except OSError:
        return 0
