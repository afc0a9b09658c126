"""The browser's temporary files: profiles, artifacts, sockets, in a folder of ours that is removed with the browser.

A process that is killed leaves its folder behind; the next start of a browser removes those whose process has ended.
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
PASS_THROUGH = 0o711  # the browser may run as another user, who finds its profile in here and must not list it
SHARED = 0o1733  # what the browser makes for itself


def make_scratch() -> Path:
    """A fresh folder, named by our process id. Folders of dead processes are removed."""
    clear_scratch()
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    folder.chmod(PASS_THROUGH)
    own = own_folder(folder)
    own.mkdir()
    own.chmod(SHARED)
    return folder


def own_folder(scratch: Path) -> Path:
    """Where the browser's own temporary files go."""
    return scratch / "tmp"


def clear_scratch() -> None:
    """Remove the folders of our user whose process has ended."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        number = folder.name.removeprefix(PREFIX).partition("-")[0]
        if number.isdecimal() and not _alive(int(number)) and _ours(folder):
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def as_temporary_folder(scratch: Path) -> Iterator[None]:
    """For Playwright's driver, which takes its temporary folder from the environment it is started with, and takes it from ours."""
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
    """Whether it is a folder of our user and not a link: any user may write into the temporary folder."""
    try:
        status = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid()
