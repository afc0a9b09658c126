"""Fixtures of whole scans without fakes: browser, decoder, models and database, on a local site."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from server.contract.records import Found, Source
from server.contract.report import report_json
from server.scan.dispatch import extract_source
from server.scan.resources import ScanResources, open_resources
from server.scan.runner import Opener, ScanRunner
from server.settings import Settings
from server.source.open import names_a_path, open_path
from server.store import scans
from server.store.database import Database
from tests.site import Site

Run = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture(scope="module")
async def resources(postgres: object) -> AsyncIterator[ScanResources]:
    """One for the walks of a file, as in a worker, closed with it. The local site may be reached, nothing else that is private."""
    settings = Settings(allow_networks=(ip_network("127.0.0.1/32"),), page_timeout_s=20, max_download_bytes=2 * 1024 * 1024)
    async with open_resources(settings) as opened:
        yield opened


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with Site() as served:
        yield served


@pytest.fixture
def run(database: Database, resources: ScanResources) -> Run:
    """Scan an address or a path; the Report as the contract's JSON."""
    return runner(database, resources)


async def found_in(source: Source, resources: ScanResources) -> list[Found]:
    """All that a source yields."""
    return [found async for found in extract_source(source, resources)]


def runner(database: Database, resources: ScanResources) -> Run:
    async def run(target: str, **options: Any) -> dict[str, Any]:
        local = names_a_path(target)
        opener: Opener | None = None
        if local:

            async def opener() -> Any:
                return open_path(Path(target))

        url = None if local else target
        scan_id = await scans.create(database, kind="page", target=target, url=url, options=options)
        await ScanRunner(database, resources).run_scan(scan_id, opener)
        return report_json(await scans.report(database, scan_id))

    return run
