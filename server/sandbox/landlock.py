"""Files that a reader may open, by Landlock: the interpreter's and the system's libraries, to read, and nothing else.

Landlock is in Linux since 5.13, where it is switched on; a process confines itself irrevocably, as root too. Called with ctypes:
the one package on PyPI for it is an unfinished pre-release.
"""

from __future__ import annotations

import ctypes
import os
import sys
import sysconfig
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # the same numbers on every architecture
VERSION_FLAG, PATH_BENEATH = 1, 1
READ_FILE, READ_FOLDER = 1 << 2, 1 << 3
FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}  # kinds of access in each version of Landlock; newer ones as the last
NETWORK_SINCE, SCOPES_SINCE = 4, 6
TCP = 0b11  # bind and connect
SCOPES = 0b11  # abstract sockets and signals of processes outside
SYSTEM_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache", "/etc/localtime")
DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom")
# What a reader may read: libraries, installed packages and our own code; not the folders around them.
_PLACES = sysconfig.get_paths()
READABLE = (
    *SYSTEM_LIBRARIES,
    *DEVICES,
    *(_PLACES[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")),
    str(Path(__file__).resolve().parents[1]),
)


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scopes", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


def shut_in(allowed: Iterable[str] = READABLE) -> bool:
    """From now on this thread opens only what lies under `allowed`, to read. False where the system has no Landlock.

    Needs `no_new_privileges` first, unless we are root.
    """
    if sys.platform != "linux":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), VERSION_FLAG)
    if version < 1:
        return False
    rules = _Ruleset(
        (1 << FILE_RIGHTS.get(version, FILE_RIGHTS[max(FILE_RIGHTS)])) - 1,
        TCP if version >= NETWORK_SINCE else 0,
        SCOPES if version >= SCOPES_SINCE else 0,
    )
    size = ctypes.c_size_t(24 if version >= SCOPES_SINCE else 16 if version >= NETWORK_SINCE else 8)
    ruleset = libc.syscall(CREATE_RULESET, ctypes.byref(rules), size, 0)
    if ruleset < 0:
        return False
    try:
        for path in allowed:
            with suppress(OSError):  # not on every system
                _allow(libc, ruleset, path)
        return bool(libc.syscall(RESTRICT_SELF, ruleset, 0) == 0)
    finally:
        os.close(ruleset)


def _allow(libc: ctypes.CDLL, ruleset: int, path: str) -> None:
    opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rights = READ_FILE | READ_FOLDER if os.path.isdir(path) else READ_FILE  # noqa: PTH112 - runs once for every child
        rule = _Beneath(rights, opened)
        libc.syscall(ADD_RULE, ruleset, PATH_BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(opened)
