"""Opens the files that a page offers: from the bytes that the page received, else by the guarded client, else by the browser."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath
from urllib.parse import unquote

from yarl import URL

from server.contract.records import Source
from server.extract.browser_fetch import fetch_by_browser
from server.scan.resources import ScanResources
from server.source.egress import EgressProxy
from server.source.open import open_source, open_upload


async def open_offered(url: str, data: bytes | None, page: Source, resources: ScanResources) -> Source:
    """A Source for one file of `page`. `data`: its bytes, if the page received them.

    If the client gets an error status or a page, the file is requested again by the browser. Raises what open_source, open_upload
    and fetch_by_browser raise.
    """
    login = page.login if page.url and URL(page.url, encoded=True).origin() == URL(url, encoded=True).origin() else None
    if data is None:
        file = await open_source(url, resources.fetcher, login)
        if file.kind != "page":
            return file
        async with EgressProxy(resources.guard, resources.settings) as proxy:
            data = await fetch_by_browser(url, resources.browser, proxy.url, resources.settings, login)
    name = unquote(PurePosixPath(URL(url, encoded=True).raw_path).name) or "file"
    return replace(open_upload(name, data), target=url, url=url)
