"""The folder for the browser's temporary files (profiles, artifacts, sockets), which is removed when the browser ends.

A process that is killed leaves its folder behind; the next start of a browser removes the folders of ended processes.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PREFIX = "medlens-browser-"
PASS_THROUGH = 0o711  # the browser may run as another user, who needs its profile in this folder, but must not list the folder
SHARED = 0o1733  # the mode of the folder in which the browser creates files


def make_scratch() -> Path:
    """Create a folder named by our process id, and remove the folders of ended processes."""
    clear_scratch()
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    folder.chmod(PASS_THROUGH)
    own = own_folder(folder)
    own.mkdir()
    own.chmod(SHARED)
    return folder


def own_folder(scratch: Path) -> Path:
    """The folder in which the browser creates its own temporary files."""
    return scratch / "tmp"


def clear_scratch() -> None:
    """Remove the folders of our user whose process has ended."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        number = folder.name.removeprefix(PREFIX).partition("-")[0]
        if number.isdecimal() and not _alive(int(number)) and _ours(folder):
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def as_temporary_folder(scratch: Path) -> Iterator[None]:
    """Set TMPDIR while Playwright's driver is started, because the driver inherits its temporary folder from our environment."""
    before = os.environ.get("TMPDIR")
    os.environ["TMPDIR"] = str(scratch)
    try:
        yield
    finally:
        if before is None:
            del os.environ["TMPDIR"]
        else:
            os.environ["TMPDIR"] = before


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # another user's
        return True
    return True


def _ours(folder: Path) -> bool:
    """Whether it is a folder of our user and not a link: any user may create files in the temporary folder."""
    try:
        status = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()
