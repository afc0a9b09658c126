"""Images over HTTP: details, thumbnails, corrections."""

from __future__ import annotations

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

from server.contract.records import Panel
from server.store.database import Database
from server.web.api.answers import CorrectionKept, ImageDetails
from server.web.api.images import PRIVATE
from tests.judged import digest, judged, verdict
from tests.web.conftest import Client, scanned, signed_in, webp

UNKNOWN = "0" * 64
PATHS = ("", "/thumbnail", "/heatmap")


async def test_an_image_tells_its_verdict_and_where_it_was_seen(client: Client, kept: Database) -> None:
    one = judged("a", "ct", panels=(Panel((0, 0, 10, 10), verdict("mri")),), thumbnail=webp())
    first = await scanned(kept, one, title="first")
    second = await scanned(kept, one, title="second")
    told = ImageDetails.model_validate_json(await (await client.get(f"/api/images/{digest('a')}")).text())
    assert (told.verdict.modality if told.verdict else None, told.thumbnail, len(told.panels)) == ("ct", True, 1)
    assert [(seen.scan, seen.title) for seen in told.seen] == [(second, "second"), (first, "first")]
    assert told.seen[0].places[0].alt == "A scan"


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", [UNKNOWN, "x", "A" * 64, "0" * 63, "0" * 65, "%2e%2e", "0" * 63 + "%00"])
async def test_what_is_no_image_of_ours_is_not_there(client: Client, path: str, name: str) -> None:
    answer = await client.get(f"/api/images/{name}{path}")
    assert (answer.status, (await answer.json())["code"]) == (404, "not_found")


async def test_the_small_copy_is_for_its_viewer_alone_and_asked_for_once(
    server: TestServer, session: ClientSession, kept: Database
) -> None:
    await scanned(kept, judged("a", thumbnail=webp()))
    path = f"/api/images/{digest('a')}/thumbnail"
    assert (await Client(server, session).get(path)).status == 401
    page = await signed_in(server, session)
    answer = await page.get(path)
    assert answer.content_type == "image/webp"
    assert await answer.read() == webp()
    assert answer.headers["Cache-Control"] == PRIVATE
    assert "private" in PRIVATE
    again = await page.get(path, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status, await again.read()) == (304, b"")


async def test_an_image_without_a_small_copy_says_so(client: Client, kept: Database) -> None:
    await scanned(kept, judged("a"))
    for path in ("/thumbnail", "/heatmap"):
        assert (await client.get(f"/api/images/{digest('a')}{path}")).status == 404
    assert not (await (await client.get(f"/api/images/{digest('a')}")).json())["thumbnail"]


async def test_a_correction_overrides_the_verdict_everywhere_and_can_be_taken_back(client: Client, kept: Database) -> None:
    scan_id = await scanned(kept, judged("a", "ct", uncertain=True))
    path = f"/api/images/{digest('a')}/feedback"
    answer = await client.post(path, json={"modality": "mri"})
    assert answer.status == 200
    assert CorrectionKept.model_validate_json(await answer.text()).modality == "mri"
    report = await (await client.get(f"/api/scans/{scan_id}")).json()
    shown = report["images"][0]["verdict"]
    assert (shown["modality"], shown["corrected"], shown["uncertain"]) == ("mri", True, False)
    assert (await (await client.get("/api/scans?corrected=true")).json())["scans"][0]["counts"]["by_modality"]["mri"] == 1
    undone = await client.ask("DELETE", path)
    assert CorrectionKept.model_validate_json(await undone.text()).modality == "ct"
    assert (await client.ask("DELETE", path)).status == 404


@pytest.mark.parametrize("body", [{}, {"modality": "cat"}, {"modality": None}, {"modality": "ct", "x": 1}, []])
async def test_a_correction_of_another_shape_is_refused(client: Client, kept: Database, body: object) -> None:
    await scanned(kept, judged("a"))
    answer = await client.post(f"/api/images/{digest('a')}/feedback", json=body)
    assert (answer.status, (await answer.json())["code"]) == (400, "bad_request")


async def test_an_image_nobody_judged_cannot_be_corrected(client: Client, app: web.Application) -> None:
    answer = await client.post(f"/api/images/{UNKNOWN}/feedback", json={"modality": "ct"})
    assert answer.status == 404
