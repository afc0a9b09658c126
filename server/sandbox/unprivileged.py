"""Started by root in place of a browser: becomes an unprivileged user who owns the browser's profile, then becomes the browser.

`python unprivileged.py UID PROGRAM ARGUMENTS...`. Imports nothing of ours: it runs by itself, before every launch.
"""

from __future__ import annotations

import ctypes
import os
import sys

PROFILE = "--user-data-dir="
PR_SET_NO_NEW_PRIVS = 38


def main() -> None:
    user, program, arguments = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    for profile in (argument.removeprefix(PROFILE) for argument in arguments if argument.startswith(PROFILE)):
        os.chown(profile, user, user)  # made for this launch, and empty
        os.environ |= dict.fromkeys(("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"), profile)
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    os.execv(program, [program, *arguments])  # noqa: S606 - the whole purpose


if __name__ == "__main__":
    main()
