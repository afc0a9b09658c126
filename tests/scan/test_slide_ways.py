"""A whole slide behind a link, behind a page's download and as an upload: from the request to the Report."""

from __future__ import annotations

from typing import Any

import pytest

from server.contract.report import report_json
from server.scan.resources import ScanResources
from server.scan.runner import ScanRunner
from server.store import scans
from server.store.database import Database
from tests.extract.test_slide import slide
from tests.scan.conftest import Run
from tests.site import Site

SLIDE = slide(1600, 900, 2)


def check(report: dict[str, Any]) -> None:
    assert (report["status"], report["source"]["kind"]) == ("done", "slide")
    overview, *tiles = sorted(report["images"], key=lambda image: image["places"][0]["page"])
    assert [round(side) for side in overview["places"][0]["box"]] == [0, 0, 1600, 1600]
    assert tiles and all(tile["places"][0]["kind"] == "frame" for tile in tiles)


@pytest.mark.parametrize("mime", ["image/tiff", "application/octet-stream"])
async def test_behind_a_link(run: Run, site: Site, mime: str) -> None:
    check(await run(site.add("/case.svs", SLIDE, mime)))


async def test_as_an_upload(database: Database, resources: ScanResources) -> None:
    scan_id = await scans.create(database, kind="slide", target="case.svs", files=[("case.svs", SLIDE)])
    await ScanRunner(database, resources).run_scan(scan_id)
    check(report_json(await scans.report(database, scan_id)))
