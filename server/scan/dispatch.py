"""Chooses the extractor for each source: pages, files, folders and uploads.

A page that turns out to be a download, or that offers one (a PDF behind a script, an attachment), is fetched and read as a file.
The files of a folder are read one after the other, and a file that cannot be read does not end the scan.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

from server.contract.errors import MedlensError, TooLarge, UnknownKind
from server.contract.records import Candidate, Found, Notice, Place, Skipped, Source
from server.extract.page import NotAPage, extract_page
from server.extract.readers import extract_dicom, extract_image, extract_pdf
from server.scan.resources import ScanResources
from server.source.egress import EgressProxy
from server.source.open import open_source, walk_folder


def _path_below(folder: Path, file: Source) -> str:
    """The file's path relative to the folder: a Report does not show where the folder is on this machine."""
    return str(file.path.relative_to(folder)) if file.path and file.path.is_relative_to(folder) else file.target


async def extract_source(source: Source, resources: ScanResources) -> AsyncGenerator[Found, None]:
    """Yield candidates, skips and notices as they are found. Raises what the extractor of the source's kind raises."""
    if source.title:
        yield Notice(title=source.title)
    if source.notice:
        yield source.notice
    if source.kind == "folder":
        assert source.path is not None
        named = ((_path_below(source.path, file), file) for file in walk_folder(source.path))
        founds = _files(named, resources)
    else:
        founds = _page_or_file(source, resources)
    async with aclosing(founds):
        async for found in founds:
            yield found


async def extract_uploads(uploads: Iterable[Source], resources: ScanResources) -> AsyncGenerator[Found, None]:
    """Yield what several uploaded files hold, as if they were one folder."""
    async with aclosing(_files(((file.target, file) for file in uploads), resources)) as founds:
        async for found in founds:
            yield found


async def _files(files: Iterable[tuple[str, Source]], resources: ScanResources) -> AsyncGenerator[Found, None]:
    for name, file in files:
        try:
            async with aclosing(_page_or_file(file, resources)) as founds:
                async for found in founds:
                    match found:
                        case Candidate() | Skipped():
                            yield replace(found, place=replace(found.place, url=name))
                        case Notice(code=None):
                            pass  # the title of a file is not the folder's
                        case Notice():
                            yield replace(found, title=None, message=f"{name}: {found.message}")
        except MedlensError as error:
            yield Skipped("too_large" if isinstance(error, TooLarge) else "unreadable", Place(name, "file"), str(error))
            yield Notice(code=error.code, message=f"{name}: {error}")


def _page_or_file(source: Source, resources: ScanResources) -> AsyncGenerator[Found, None]:
    return _page(source, resources) if source.kind == "page" else _file(source, resources)


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
            file = await open_source(url, resources.fetcher)
            if file.notice:
                yield file.notice
            if file.kind == "page":  # the browser got a file here, the fetcher a page: the server is not consistent
                raise NotAPage(url)
            async with aclosing(_file(file, resources)) as founds:
                async for found in founds:
                    yield replace(found, title=None) if titled and isinstance(found, Notice) else found
        except MedlensError as error:  # images of the page itself and of its other files still count
            yield Notice(code=error.code, message=f"a file that the page offers: {error}")


EXTRACTORS = {"pdf": extract_pdf, "dicom": extract_dicom, "image": extract_image}


async def _file(source: Source, resources: ScanResources) -> AsyncGenerator[Found, None]:
    """Places of a file have the file's address as `url`, or its name when it has none."""
    if source.kind not in EXTRACTORS:
        raise UnknownKind(f"{source.target} is a {source.kind}, not a file")
    name = source.url or source.title
    async for found in EXTRACTORS[source.kind](source, resources.settings):
        match found:
            case Candidate() | Skipped() if found.place.url is None:
                yield replace(found, place=replace(found.place, url=name))
            case _:
                yield found
