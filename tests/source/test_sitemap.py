"""A site's pages by its sitemaps: indexes, gzip, text; hosts, robots.txt and limits are kept to, and no bomb is unpacked."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import pytest

from server.contract.errors import Damaged, HttpStatus, TooLarge
from server.settings import Settings
from server.source import sitemap as module
from server.source.fetch import Fetcher
from server.source.guard import Guard
from server.source.sitemap import MAX_DEPTH, Sitemap, parsed
from tests.site import Site


def xml(*addresses: str, kind: str = "url") -> bytes:
    rows = "".join(f"<{kind}><loc> {address} </loc><lastmod>2026-01-01</lastmod></{kind}>" for address in addresses)
    name = "urlset" if kind == "url" else "sitemapindex"
    return f'<?xml version="1.0"?><{name} xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{rows}</{name}>'.encode()


async def pages(sitemap: Sitemap, limit: int = 100) -> list[str]:
    return [page async for page in sitemap.pages(limit)]


@pytest.fixture
def make(guard: Guard, settings: Settings) -> Callable[[str], Sitemap]:
    return lambda url: Sitemap(url, Fetcher(guard, settings).read)


async def test_an_index_its_sitemaps_and_the_limit(make: Callable[[str], Sitemap], site: Site) -> None:
    first, second = site.url("/a"), site.url("/b?x=1")
    one = site.add("/one.xml", xml(first, second, first, "https://elsewhere.example/c", "mailto:x"), "text/xml")
    two = site.add("/two.xml.gz", gzip.compress(xml(site.url("/d"))), "application/gzip")
    three = site.add("/three.txt", f"{site.url('/e')}\n\n{first}\n".encode(), "text/plain")
    index = site.add("/sitemap.xml", xml(one, two, three, site.url("/gone.xml"), kind="sitemap"), "text/xml")
    sitemap = make(index)
    assert await pages(sitemap) == [first, second, site.url("/d"), site.url("/e")]
    assert (sitemap.other_hosts, sitemap.unread) == (1, ["mailto:x", site.url("/gone.xml")])
    assert await pages(make(index), 2) == [first, second]


async def test_robots_are_obeyed_and_asked_once(make: Callable[[str], Sitemap], site: Site) -> None:
    site.add("/robots.txt", "User-agent: *\nDisallow: /private", "text/plain")
    listed = [site.url(path) for path in ("/private/1", "/2", "/3")]
    sitemap = make(site.add("/sitemap.xml", xml(*listed), "text/xml"))
    assert await pages(sitemap) == listed[1:]
    assert sitemap.disallowed == listed[:1]
    assert site.hits["/robots.txt"] == 1


async def test_indexes_that_name_themselves_and_each_other_end(make: Callable[[str], Sitemap], site: Site) -> None:
    names = [f"/{number}.xml" for number in range(MAX_DEPTH + 3)]
    for name, following in zip(names, [*names[1:], names[0]], strict=True):
        site.add(name, xml(site.url(name), site.url(following), kind="sitemap"), "text/xml")
    sitemap = make(site.url(names[0]))
    assert await pages(sitemap) == []
    assert sitemap.unread == [site.url(names[MAX_DEPTH + 1])]


async def test_what_is_no_sitemap_is_said(make: Callable[[str], Sitemap], site: Site) -> None:
    with pytest.raises(HttpStatus, match="404"):
        await pages(make(site.url("/none.xml")))
    with pytest.raises(Damaged, match="is not a sitemap"):
        await pages(make(site.add("/page", "<!DOCTYPE html><p>x", "text/html")))


def test_bombs_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Damaged, match="entities"):
        parsed(b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aa">]><urlset>&a;</urlset>', "https://a.example/")
    with pytest.raises(Damaged, match="broken"):
        parsed(b"<urlset><url>", "https://a.example/")
    with pytest.raises(Damaged, match="packed and broken"):
        parsed(b"\x1f\x8bxx", "https://a.example/")
    monkeypatch.setattr(module, "MAX_SITEMAP_BYTES", 1000)
    with pytest.raises(TooLarge, match="1,000 bytes"):
        parsed(gzip.compress(bytes(100_000)), "https://a.example/")
