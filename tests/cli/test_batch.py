"""`medlens batch --sitemap`: the pages of a site are queued, as its robots.txt allows, and what was left out is said."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
import typer

from server.cli.batch import batch, queue_sitemap
from server.settings import Settings
from server.store.database import Database
from server.store.history import page
from tests.site import Site
from tests.source.test_sitemap import xml


async def test_pages_of_a_sitemap_are_queued_as_robots_allow(
    database_settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = database_settings.model_copy(update={"allow_networks": (ip_network("127.0.0.0/8"), ip_network("::1/128"))})
    async with Site() as site:
        site.add("/robots.txt", "User-agent: *\nDisallow: /private", "text/plain")
        listed = [site.url(path) for path in ("/1", "/private/2", "/3", "/4")]
        url = site.add("/sitemap.xml", xml(*listed, "https://elsewhere.example/"), "text/xml")
        assert await queue_sitemap(settings, url, 2, wait=False, pace_s=0) == 0
        told = capsys.readouterr()
        assert [line.rpartition("  ")[2] for line in told.out.splitlines()] == [listed[0], listed[2]]
        assert "left out: 1 pages that robots.txt" in told.err
        async with Database(settings) as database:
            entries = (await page(database)).entries
        assert sorted(entry.target for entry in entries) == [listed[0], listed[2]]


def test_a_file_and_a_sitemap_exclude_each_other() -> None:
    for given in ({}, {"targets": "list.txt", "sitemap": "https://a.example/sitemap.xml"}):
        with pytest.raises(typer.BadParameter):
            batch(**given)
