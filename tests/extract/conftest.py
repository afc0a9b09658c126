"""Fixtures of the extractors: a warm browser, a local site under two names, and page scans through the real proxy."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any

import pytest

from server.contract.records import Candidate, Found, Notice, Place, Skipped, Source
from server.extract.browser import Browser, find_chromium
from server.extract.page import NotAPage, extract_page
from server.settings import Settings
from server.source.egress import EgressProxy
from server.source.guard import Guard
from tests.site import Site


def loopback(**values: Any) -> Settings:
    """Settings under which the local site may be reached."""
    return Settings(allow_networks=(ip_network("127.0.0.0/8"), ip_network("::1/128")), **values)


@dataclass
class Seen:
    """What one visit found, in order."""

    found: list[Found] = field(default_factory=list)

    @property
    def candidates(self) -> list[Candidate]:
        return [one for one in self.found if isinstance(one, Candidate)]

    @property
    def skipped(self) -> list[Skipped]:
        return [one for one in self.found if isinstance(one, Skipped)]

    @property
    def notices(self) -> list[Notice]:
        return [one for one in self.found if isinstance(one, Notice)]

    @property
    def codes(self) -> list[str]:
        return [one.code for one in self.notices if one.code]

    @property
    def images(self) -> set[bytes]:
        return {one.data for one in self.candidates}

    def reasons(self, reason: str) -> list[Place]:
        return [one.place for one in self.skipped if one.reason == reason]

    def places(self, data: bytes) -> list[Place]:
        """The last word on where these bytes stand: the early place only if there is no other."""
        all_places = [one.place for one in self.candidates if one.data == data]
        return [place for place in all_places if place.kind != "other"] or all_places[:1]


Visit = Callable[..., Awaitable[Seen]]


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    settings = Settings()
    if find_chromium(settings) is None:
        pytest.skip("no Chromium here; `make setup` says how to get one")
    async with Browser(settings) as running:
        await running.start()
        yield running


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with Site() as served:
        yield served


async def look(browser: Browser, url: str, settings: Settings) -> Seen:
    seen = Seen()
    source = Source("page", url, url)
    async with (
        EgressProxy(Guard(settings), settings) as proxy,
        aclosing(extract_page(source, browser, proxy.url, settings, lambda: proxy.refusals)) as images,
    ):
        async for found in images:
            seen.found.append(found)
    return seen


async def look_at_files(browser: Browser, url: str) -> tuple[Seen, NotAPage | None]:
    """What a page shows, and the NotAPage with its files, if it has any."""
    settings, seen = loopback(page_timeout_s=30), Seen()
    async with EgressProxy(Guard(settings), settings) as proxy:
        try:
            async with aclosing(extract_page(Source("page", url, url), browser, proxy.url, settings)) as founds:
                async for found in founds:
                    seen.found.append(found)
        except NotAPage as error:
            return seen, error
    return seen, None


@pytest.fixture
def visit(browser: Browser) -> Visit:
    async def go(url: str, **values: Any) -> Seen:
        return await look(browser, url, loopback(**values))

    return go
