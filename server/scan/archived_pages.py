"""Renders the pages of a web archive in the browser, from the archive alone, by the walk of live pages (extract/page.py)."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from server.contract.errors import BrowserMissing, MedlensError, TooLarge
from server.contract.extracted import ArchivedResponse, Extracted, InnerFile, ListedFiles
from server.contract.records import Found, Notice, Skipped, Source
from server.extract.launch import DEAD_PROXY
from server.extract.page import NotAPage, extract_page
from server.extract.page_archive import PageArchive
from server.scan.resources import ScanResources

# Pages of one archive that are rendered: a crawl of a site has thousands, whose images are also read from their responses.
MAX_PAGES = 20
# Seconds after which no further page of an archive is begun. One page may take MEDLENS_PAGE_TIMEOUT_S.
MAX_SECONDS = 120.0
NOT_ARCHIVED = "the archive does not have it"


async def with_archived_pages(
    extracted: AsyncGenerator[Extracted, None], resources: ScanResources, render: bool
) -> AsyncGenerator[Found | InnerFile | ListedFiles, None]:
    """Yield what a reader yields, and after that what the pages show, if its file is a web archive and `render` is true."""
    with PageArchive() as archive:
        async with aclosing(extracted) as founds:
            async for found in founds:
                if not isinstance(found, ArchivedResponse):
                    yield found
                elif render:
                    archive.add(found)
        async with aclosing(extract_archived(archive, resources)) as rendered:
            async for one in rendered:
                yield one


async def extract_archived(
    archive: PageArchive, resources: ScanResources, max_pages: int = MAX_PAGES, max_seconds: float = MAX_SECONDS
) -> AsyncGenerator[Found, None]:
    """Yield what the archive's pages show. Notices count the pages beyond the limits, and name what the archive lacks.

    Images that were refused are left out if the archive has them, because they count as responses. Pages that were shown as a frame
    of an earlier one are not rendered again.
    """
    until, rendered = time.monotonic() + max_seconds, 0
    beyond: Counter[str] = Counter()
    for url in archive.pages:
        if archive.shown(url):
            continue
        if rendered >= max_pages or time.monotonic() > until:
            beyond[f"{max_pages} pages" if rendered >= max_pages else f"{max_seconds:g} s"] += 1
            continue
        rendered += 1
        try:
            async with aclosing(_page(url, archive, resources)) as founds:
                async for found in founds:
                    yield found
        except BrowserMissing as error:
            message = f"{len(archive.pages)} pages of the archive were not rendered: {error}"
            yield Notice(code=error.code, message=message, severity="cut")
            return
    for limit, number in beyond.items():
        message = f"{number} pages of the archive were not rendered: limit of {limit}"
        yield Notice(code=TooLarge.code, message=message, severity="cut")
    for url in archive.missing:
        yield Notice(code="not_archived", message=f"{url}: {NOT_ARCHIVED}", severity="remark")


async def _page(url: str, archive: PageArchive, resources: ScanResources) -> AsyncGenerator[Found, None]:
    page = extract_page(Source("page", url, url), resources.browser, DEAD_PROXY, resources.settings, archive=archive)
    try:
        async with aclosing(page) as founds:
            async for found in founds:
                match found:
                    case Notice(code=None):  # the title is that of the archive
                        pass
                    case Notice():
                        yield replace(found, title=None, message=f"{url}: {found.message}")
                    case Skipped() if archive.has_image(found.place.url):
                        pass
                    case Skipped() if found.place.url in archive.missing:
                        yield replace(found, reason="not_archived", detail=NOT_ARCHIVED)
                    case _:
                        yield found
    except NotAPage:  # its files are responses of the archive, and are read as such
        pass
    except BrowserMissing:
        raise
    except MedlensError as error:
        yield Notice(code=error.code, message=f"{url}: {error}")
