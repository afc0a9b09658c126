"""Chooses the extractor for each source: pages, files, folders and uploads.

A page that turns out to be a download, or that offers one (a PDF behind a script, an attachment), is fetched and read as a file.
The files of a folder, and those inside other files, are read one after the other; one that cannot be read does not end the scan.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

from server.contract.errors import MedlensError, NoImage, TooLarge, UnknownKind
from server.contract.extracted import InnerFile, ListedFiles
from server.contract.records import Candidate, Found, Notice, Place, Skipped, SkipReason, Source
from server.extract.page import NotAPage, extract_page
from server.extract.readers import extract_file
from server.extract.svg_file import extract_svg, is_svg
from server.kinds.registry import BY_NAME, kind_by_name
from server.scan.archived_pages import with_archived_pages
from server.scan.inner import InnerFiles
from server.scan.listed import missing_files
from server.scan.offered import open_offered
from server.scan.resources import ScanResources
from server.source.egress import EgressProxy
from server.source.open import open_upload, walk_folder


async def extract_source(source: Source, resources: ScanResources) -> AsyncGenerator[Found, None]:
    """Yield candidates, skips and notices as they are found. Raises what the extractor of the source's kind raises."""
    if source.title:
        yield Notice(title=source.title)
    if source.notice:
        yield source.notice
    if source.kind == "folder":
        assert source.path is not None
        founds = _files(_in_folder(source.path), resources)
    elif source.kind == "page":
        founds = _page(source, resources)
    else:
        founds = _whole_file(source, resources, InnerFiles())
    async with aclosing(founds):
        async for found in founds:
            yield found


async def extract_uploads(uploads: Iterable[Source], resources: ScanResources) -> AsyncGenerator[Found, None]:
    """Yield what several uploaded files contain, as for the files of a folder."""
    async with aclosing(_files(((file.target, file) for file in uploads), resources)) as founds:
        async for found in founds:
            yield found


def _in_folder(folder: Path) -> Iterator[tuple[str, Source | MedlensError]]:
    """Name and Source of each file, or why it is not read. Names are relative, so that a Report does not show the folder's path."""
    unread: list[tuple[str, Source | MedlensError]] = []

    def name_of(path: Path) -> str:
        return str(path.relative_to(folder)) if path.is_relative_to(folder) else path.name

    for file in walk_folder(folder, lambda path, error: unread.append((name_of(path), error))):
        yield from unread
        unread.clear()
        yield (name_of(file.path) if file.path else file.target), file
    yield from unread


async def _files(files: Iterable[tuple[str, Source | MedlensError]], resources: ScanResources) -> AsyncGenerator[Found, None]:
    inner_files = InnerFiles()
    for name, file in files:
        if isinstance(file, MedlensError):
            yield _left_out(name, file)
            continue
        named = replace(file, url=None, title=name)
        async with aclosing(_one_of_many(name, _whole_file(named, resources, inner_files))) as founds:
            async for found in founds:
                yield found


async def _one_of_many(name: str, founds: AsyncGenerator[Found, None]) -> AsyncGenerator[Found, None]:
    """What one of several files yields, without its title and with its name before its notices; an error is yielded, not raised."""
    try:
        async with aclosing(founds):
            async for found in founds:
                match found:
                    case Notice(code=None):
                        pass
                    case Notice():
                        yield replace(found, title=None, message=f"{name}: {found.message}")
                    case _:
                        yield found
    except MedlensError as error:
        for one in _unread(name, error):
            yield one


def _unread(name: str, error: MedlensError) -> list[Found]:
    """The Skipped and the Notice for a file that could not be read."""
    if isinstance(error, NoImage):
        remark = Notice(code="no_image", message=_with_name(name, error), severity="remark")
        return [Skipped("no_image", Place(name, "file"), str(error)), remark]
    reason: SkipReason = "too_large" if isinstance(error, TooLarge) else "unreadable"
    return [Skipped(reason, Place(name, "file"), str(error)), Notice(code=error.code, message=_with_name(name, error))]


def _left_out(name: str, error: MedlensError) -> Notice:
    """The remark for a file that is left out, because it is hidden, a link, or of a kind that cannot be scanned."""
    return Notice(code=error.code, message=_with_name(name, error), severity="remark")


def _with_name(name: str, error: MedlensError) -> str:
    """The error's message with the file's name before it; a name at the beginning of the message is not repeated."""
    said, last = str(error), name.rpartition("/")[2]
    return f"{name}: {said.removeprefix(repr(last)).removeprefix(last).strip()}"


async def _page(source: Source, resources: ScanResources) -> AsyncGenerator[Found, None]:
    settings = resources.settings
    titled = False
    try:
        async with EgressProxy(resources.guard, settings) as proxy:
            page = extract_page(source, resources.browser, proxy.url, settings, lambda: proxy.refusals)
            async with aclosing(page) as founds:
                async for found in founds:
                    titled = titled or (isinstance(found, Notice) and found.title is not None)
                    yield found
        return
    except NotAPage as error:
        downloads = error
    for url in downloads.urls:
        try:
            file = await open_offered(url, downloads.received.get(url), source, resources)
            if file.notice:
                yield file.notice
            async with aclosing(_whole_file(file, resources, InnerFiles())) as founds:
                async for found in founds:
                    yield replace(found, title=None) if titled and isinstance(found, Notice) else found
        except MedlensError as error:  # images of the page itself and of its other files still count
            yield Notice(code=error.code, message=f"a file that the page offers: {error}")


async def _whole_file(source: Source, resources: ScanResources, inner_files: InnerFiles) -> AsyncGenerator[Found, None]:
    """Read a file that lies in no other, and after it name what indexes inside it list and is missing."""
    async with aclosing(_file(source, resources, inner_files)) as founds:
        async for found in founds:
            yield found
    for notice in inner_files.missing():
        yield notice


async def _file(source: Source, resources: ScanResources, inner_files: InnerFiles, depth: int = 0) -> AsyncGenerator[Found, None]:
    """Read one file. The `url` of its places is its address, or its name if it has none; for inner files it is both names."""
    kind = BY_NAME.get(source.kind)
    if kind is None:
        raise UnknownKind(f"{source.target} is a {source.kind}, not a file")
    name = source.url or source.title
    if kind.name == "image" and await is_svg(source):
        extracted = extract_svg(source, resources.browser, resources.settings)
    else:
        extracted = extract_file(kind, source, resources.settings)
    async with aclosing(with_archived_pages(extracted, resources, render=not source.piece)) as founds:
        async for found in founds:
            match found:
                case InnerFile():
                    async with aclosing(_inner_file(found, name or source.target, resources, inner_files, depth + 1)) as inner:
                        async for one in inner:
                            yield one
                    if inner_files.full:
                        return
                case ListedFiles():
                    inner_files.expect(source.target, found.names, depth)
                    for notice in await missing_files(source.path, found.names):
                        yield notice
                case Candidate() | Skipped() if found.place.url is None:
                    yield replace(found, place=replace(found.place, url=name))
                case _:
                    yield found


async def _inner_file(
    file: InnerFile, outer: str, resources: ScanResources, inner_files: InnerFiles, depth: int
) -> AsyncGenerator[Found, None]:
    """Read an inner file as a source of its own. Images without alternative text or texts get those of the file's place."""
    name = f"{outer}/{file.name}"
    try:
        inner_files.take(name, len(file.data), depth)
        source = replace(open_upload(file.name.rpartition("/")[2], file.data), target=name, title=name)
    except MedlensError as error:
        meant = kind_by_name(name) not in (None, "page") or isinstance(error, TooLarge)
        for found in _unread(name, error) if meant else [_left_out(name, error)]:
            yield found
        return
    async with aclosing(_one_of_many(name, _file(source, resources, inner_files, depth))) as founds:
        async for found in founds:
            yield _within(file.place, found)


def _within(outer: Place, found: Found) -> Found:
    if not isinstance(found, Candidate):
        return found
    place = found.place
    return replace(found, place=replace(place, alt=place.alt or outer.alt, texts=place.texts or outer.texts))
