"""The environment variables of a process that reads untrusted bytes: those it needs to run, and no others of ours.

It is a list of what may pass, because our environment holds the token and the database's address, and may hold other secrets later.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

# Where programs, libraries and temporary files are, language and time zone. On Windows nothing starts without the last row.
MAY_PASS = (
    "PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR", "TEMP", "TMP",
    "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "TZ",
    "FONTCONFIG_FILE", "FONTCONFIG_PATH",
    "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "PATHEXT", "COMSPEC", "NUMBER_OF_PROCESSORS", "LOCALAPPDATA",
)  # fmt: skip


def passed_on(given: Mapping[str, str] | None = None, /, **more: str) -> dict[str, str]:
    """Those of our variables (or of `given`) that may pass, and `more`."""
    source = os.environ if given is None else given
    return {name: source[name] for name in MAY_PASS if name in source} | more
