"""Turns a target (an address, a path, an upload, a folder) into a Source, whose kind is determined by the first bytes.

Pages are left to the browser, and of local files only the first bytes are read here.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import replace
from difflib import get_close_matches
from itertools import islice
from pathlib import Path

import structlog
from yarl import URL

from server.contract.errors import (
    Damaged,
    LeftOut,
    MedlensError,
    NotFound,
    NoTls,
    NotWhatItSays,
    RobotsDisallowed,
    TooLarge,
    UnknownKind,
)
from server.contract.records import Notice, Source, SourceKind
from server.kinds.page import looks_like_svg
from server.kinds.registry import kind_by_name
from server.source.address import is_bare, normalise, quoted, split_login
from server.source.fetch import Fetcher
from server.source.kind import SNIFF_BYTES, sniff
from server.source.politeness import may_scan

MAX_FILES = 10_000  # of one folder; a path with more is probably a mistake, such as /
DICOM_DIRECTORY = "DICOMDIR"  # the index of a patient CD; the files are below its folder
SUGGESTIONS = 3  # similar names offered for a file that does not exist

log = structlog.get_logger(__name__)


async def open_source(target: str, fetcher: Fetcher, login: tuple[str, str] | None = None, *, bare: bool = False) -> Source:
    """A Source for an address. With MEDLENS_ROBOTS=warn its notice says that robots.txt forbids the scan.

    `login`: user and password, sent to the host of the address only; by default those in `target`. `bare`: the address was given
    without a scheme, so that http is tried if https fails with NoTls; the same holds for a `target` without a scheme.
    Waits until the host may be scanned again (MEDLENS_HOST_DELAY_S). Raises NotAUrl, SchemeNotAllowed, RobotsDisallowed, and what
    Fetcher.open raises.
    """
    target, own = split_login(target)
    url, notice, login = normalise(target), None, login or own
    await fetcher.host_delay.wait(URL(url, encoded=True).raw_host or "")
    if fetcher.settings.robots != "off" and not await may_scan(url, fetcher.read):
        message = f"{quoted(url)}: the robots.txt of this host asks programs to stay away"
        if fetcher.settings.robots == "obey":
            raise RobotsDisallowed(f"{message}; MEDLENS_ROBOTS=warn scans it with a remark")
        log.warning("robots_disallowed", url=url)
        notice = Notice(code=RobotsDisallowed.code, message=message, severity="remark")
    try:
        probe = await fetcher.open(url, login)
    except NoTls:
        if not (bare or is_bare(target)):
            raise
        url = "http" + url.removeprefix("https")
        probe = await fetcher.open(url, login)
    if probe.kind == "page":  # the browser follows the redirects itself, and may be redirected elsewhere
        return Source("page", target, url, notice=notice, login=login)
    return Source(probe.kind, target, probe.final_url, probe.filename, probe.data, notice=notice)


def names_a_path(target: str) -> bool:
    """Whether the target is a local file: it exists, or it is written as a path or a file name and cannot be an address."""
    if target.startswith(("/", "./", "../", "~", ".\\", "..\\")) or target in (".", "..") or _exists(target):
        return True
    # No host is called paper.pdf, and none has a name without a dot before a slash: such a target is a file that does not exist.
    first, slash, _ = target.partition("/")
    is_host = ":" in first or first == "localhost" or "." in first
    return kind_by_name(target) not in (None, "page") and (not slash or not is_host)


def open_path(path: Path) -> Source:
    """A Source for a local file or folder; for a DICOMDIR, one for the folder that contains it.

    Raises NotFound, Damaged (empty), UnknownKind, NotWhatItSays.
    """
    try:
        path = path.expanduser()
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            return Source("folder", str(path), title=path.name, path=path)
        if not stat.S_ISREG(mode):
            raise UnknownKind(f"{path} is a device or a pipe, not a file")
        with path.open("rb") as file:
            head = file.read(SNIFF_BYTES)
    except FileNotFoundError:
        raise NotFound(f"there is no file {quoted(str(path))}{_similar_names(path)}") from None
    except (OSError, ValueError, RuntimeError) as error:  # ValueError: a null in the name; RuntimeError: ~nobody
        raise NotFound(f"{quoted(str(path))} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    kind = _file_kind(head, path.name)
    if kind == "dicom" and path.name.upper() == DICOM_DIRECTORY:
        return Source("folder", str(path), title=path.parent.resolve().name, path=path.parent)
    return Source(kind, str(path), title=path.name, path=path)


def open_upload(name: str, data: bytes) -> Source:
    """A Source for bytes received by HTTP. `name` is for display only. Raises Damaged (empty), UnknownKind, NotWhatItSays."""
    return Source(_file_kind(data, name), name, title=name, data=data)


def walk_folder(
    path: Path, unread: Callable[[Path, MedlensError], None] = lambda *_: None, max_files: int | None = MAX_FILES
) -> Iterator[Source]:
    """The files of a folder and its subfolders that can be scanned, in the order of their names.

    `unread` is called with every other file and the reason: of no known kind (UnknownKind), hidden, or a link, which is not
    followed (LeftOut). A file whose bytes contradict its name is included, so that its reader reports what is wrong. Raises
    NotFound, and TooLarge after `max_files` files of any kind (None: any number, for a corpus).
    """

    def fail(error: OSError) -> None:
        if error.filename == str(path):
            raise NotFound(f"{path} cannot be read: {error.strerror}")
        unread(Path(error.filename), NotFound(f"the folder cannot be read: {error.strerror}"))

    files_read = 0
    for folder, folders, files in os.walk(path, onerror=fail):
        for name in sorted(name for name in folders if name.startswith(".") or Path(folder, name).is_symlink()):
            unread(Path(folder, name), LeftOut("hidden folders are left out" if name.startswith(".") else "links are not followed"))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            file = Path(folder, name)
            if name.startswith(".") or file.is_symlink():
                unread(file, LeftOut("hidden files are left out" if name.startswith(".") else "links are not followed"))
                continue
            files_read += 1
            if max_files is not None and files_read > max_files:
                raise TooLarge(f"{path} holds more than {max_files} files; scan its subfolders one by one")
            if source := _in_folder(file, unread):
                yield source


def _in_folder(file: Path, unread: Callable[[Path, MedlensError], None]) -> Source | None:
    try:
        source = open_path(file)
        return replace(source, kind="dicom", path=file, title=file.name) if source.kind == "folder" else source
    except (NotFound, Damaged, UnknownKind, NotWhatItSays) as error:
        kind = kind_by_name(file.name)
        if kind is None or kind == "page":
            unread(file, error)
            return None
        return Source(kind, str(file), title=file.name, path=file)


def _file_kind(data: bytes, name: str) -> SourceKind:
    if not data:
        raise Damaged(f"{quoted(name)} is empty")
    kind = sniff(data, name)
    if kind != "page":
        return kind
    if looks_like_svg(data):
        return "image"
    if kind_by_name(name) not in (None, "page"):
        raise NotWhatItSays(f"{quoted(name)} is called a {kind_by_name(name)} and is a web page")
    raise UnknownKind(f"{quoted(name)} is a saved web page; pages are scanned at their address")


def _similar_names(path: Path) -> str:
    """`; did you mean ...` with the most similar names in the folder, or an empty string."""
    try:
        with os.scandir(path.parent) as entries:
            names = [entry.name for entry in islice(entries, MAX_FILES) if not entry.name.startswith(".")]
    except (OSError, ValueError):
        return ""
    similar = get_close_matches(path.name, names, SUGGESTIONS)
    return f"; did you mean {' or '.join(quoted(str(path.with_name(name))) for name in similar)}?" if similar else ""


def _exists(target: str) -> bool:
    try:
        return Path(target).exists()
    except (OSError, ValueError):  # a name too long, or with a null in it
        return False
