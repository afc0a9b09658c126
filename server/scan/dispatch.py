"""source -> extract: opens what a scan was asked for and yields what is found in it, whichever kind it turns out to be.

Knows the source and extract stages; does not open an image, judge one, or write anything down. A page that turns out to be a
download, or that hands one out (a PDF behind a script, an attachment), is fetched as the file it is; a folder is its files, one
after the other, and one of them that cannot be read does not end it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

from server.contract.errors import MedlensError, UnknownKind
from server.contract.records import Candidate, Found, Notice, Place, Skipped, Source
from server.extract.page import NotAPage, extract_page
from server.extract.readers import extract_dicom, extract_image, extract_pdf
from server.scan.resources import ScanResources
from server.source.egress import EgressProxy
from server.source.open import open_source, walk_folder


# What a file is called in a list of one folder's images: a path below the folder, never where the folder lies.
def _below(folder: Path, file: Source) -> str:
    return str(file.path.relative_to(folder)) if file.path and file.path.is_relative_to(folder) else file.target


async def gather(source: Source, resources: ScanResources) -> AsyncGenerator[Found, None]:
    """Yield candidates, refusals and notices as they come. Raises what the extractor of the source's kind raises."""
    if source.title:
        yield Notice(title=source.title)
    if source.notice:
        yield source.notice
    if source.kind == "folder":
        assert source.path is not None
        named = ((_below(source.path, file), file) for file in walk_folder(source.path))
        founds = _many(named, resources)
    else:
        founds = _one(source, resources)
    async with aclosing(founds):
        async for found in founds:
            yield found


async def gather_many(uploads: Iterable[Source], resources: ScanResources) -> AsyncGenerator[Found, None]:
    """The same for several uploaded files, as if they were a folder."""
    async with aclosing(_many(((file.target, file) for file in uploads), resources)) as founds:
        async for found in founds:
            yield found


async def _many(files: Iterable[tuple[str, Source]], resources: ScanResources) -> AsyncGenerator[Found, None]:
    for name, file in files:
        try:
            async with aclosing(_one(file, resources)) as founds:
                async for found in founds:
                    match found:
                        case Candidate() | Skipped():
                            yield replace(found, place=replace(found.place, url=name))
                        case Notice(code=None):
                            pass  # a title of one file is not the folder's
                        case Notice():
                            yield replace(found, title=None, message=f"{name}: {found.message}")
        except MedlensError as error:
            yield Skipped("unreadable", Place(name, "file"), str(error))
            yield Notice(code=error.code, message=f"{name}: {error}")


def _one(source: Source, resources: ScanResources) -> AsyncGenerator[Found, None]:
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
        handed_out = error
    for url in handed_out.urls:
        try:
            file = await open_source(url, resources.fetcher)
            if file.notice:
                yield file.notice
            if file.kind == "page":  # the browser was given a file and we a page: believe neither
                raise NotAPage(url)
            async with aclosing(_file(file, resources)) as founds:
                async for found in founds:
                    yield replace(found, title=None) if titled and isinstance(found, Notice) else found
        except MedlensError as error:  # what the page itself showed, and its other files, count all the same
            yield Notice(code=error.code, message=f"a file that the page hands out: {error}")


EXTRACTORS = {"pdf": extract_pdf, "dicom": extract_dicom, "image": extract_image}


async def _file(source: Source, resources: ScanResources) -> AsyncGenerator[Found, None]:
    """What a file holds stands at the file's address, or under its name when it has none."""
    if source.kind not in EXTRACTORS:
        raise UnknownKind(f"{source.target} is a {source.kind}, not a file")
    name = source.url or source.title
    async for found in EXTRACTORS[source.kind](source, resources.settings):
        match found:
            case Candidate() | Skipped() if found.place.url is None:
                yield replace(found, place=replace(found.place, url=name))
            case _:
                yield found
