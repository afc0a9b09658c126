"""What is taken away from a scan: the CSV, the ZIP sorted by modality, the paper; and in what the next scan differs."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from uuid import uuid4

import pymupdf
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from playwright.async_api import Page, expect

from server.contract.modalities import MODALITIES
from server.contract.records import Place
from server.store import changes, scans
from server.store.database import Database
from server.web.api.archive import AT_ONCE
from server.web.api.exports import COLUMNS
from server.web.api.report_shapes import ReportShape
from tests.judged import MODEL, digest, judged
from tests.web.conftest import Client, scanned, signed_in, webp

EVIL = "=cmd|' /C calc'!A0"


async def test_the_csv_of_a_scan_holds_that_scan_alone(client: Client, kept: Database) -> None:
    scan_id = await scanned(kept, judged("a", "ct", alt=EVIL), judged("b", "mri", near="a"))
    await scanned(kept, judged("c"))
    answer = await client.get(f"/api/scans/{scan_id}/export.csv")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="medlens-{scan_id.hex[:8]}.csv"'
    header, *rows = csv.reader(io.StringIO(await answer.text()))
    assert tuple(header) == COLUMNS
    assert [row[COLUMNS.index("sha256")] for row in rows] == [digest("a"), digest("b")]
    assert rows[0][COLUMNS.index("alt")] == f"'{EVIL}"
    for path in ("export.csv", "export.zip"):
        gone = await client.get(f"/api/scans/{uuid4()}/{path}")
        assert (gone.status, (await gone.json())["code"]) == (404, "not_found")


async def test_two_pdfs_scanned_together_stand_in_one_order_everywhere(
    client: Client, server: TestServer, session: ClientSession, kept: Database
) -> None:
    """Report, CSV, ZIP and page: first all of a.pdf, then all of b.pdf, whatever was judged first."""
    spots = {"b2": ("b.pdf", 2), "a1": ("a.pdf", 1), "b1": ("b.pdf", 1), "a2": ("a.pdf", 2)}
    images = [
        judged(name, places=(Place(file, "embedded", page=number, box=(72, 72, 200, 150)),), thumbnail=webp(number))
        for name, (file, number) in spots.items()
    ]
    scan_id = await scanned(kept, *images, kind="folder", url=None)
    wanted = [digest(name) for name in ("a1", "a2", "b1", "b2")]
    report = await (await client.get(f"/api/scans/{scan_id}")).json()
    assert [image["sha256"] for image in report["images"]] == wanted
    for path in (f"/api/scans/{scan_id}/export.csv", "/api/export.csv"):
        rows = csv.DictReader(io.StringIO(await (await client.get(path)).text()))
        assert [row["sha256"] for row in rows] == wanted, path
    with zipfile.ZipFile(io.BytesIO(await (await client.get(f"/api/scans/{scan_id}/export.zip")).read())) as whole:
        numbered = sorted(name.rpartition("/")[2] for name in whole.namelist() if name.endswith(".webp"))
        assert [name[4:16] for name in numbered] == [sha256[:12] for sha256 in wanted]
    page = await (await (await signed_in(server, session)).get(f"/scans/{scan_id}")).text()
    assert re.findall(r'<li class="card"[^>]*data-sha256="(\w+)"', page) == wanted


async def test_the_zip_sorts_what_is_kept_and_says_what_it_is(client: Client, kept: Database) -> None:
    many = [judged(f"x{number}", MODALITIES[number % 5], thumbnail=webp(number)) for number in range(AT_ONCE + 3)]
    images = [
        *many,
        judged("b", "ct", near="x1", thumbnail=webp(7)),
        judged("bare", "mri"),
        judged("n", "non_medical", thumbnail=webp(9)),
    ]
    scan_id = await scanned(kept, *images, title="../../etc/passwd")
    answer = await client.get(f"/api/scans/{scan_id}/export.zip")
    assert answer.content_type == "application/zip"
    assert answer.headers["Cache-Control"] == "no-store"
    with zipfile.ZipFile(io.BytesIO(await answer.read())) as whole:
        assert whole.testzip() is None
        pictures = [name for name in whole.namelist() if name.endswith(".webp")]
        assert len(pictures) == len(images) - 1
        assert {name.partition("/")[0] for name in pictures} == set(MODALITIES)
        assert next(name for name in pictures if digest("b")[:12] in name).endswith("_near_copy.webp")
        assert whole.read(next(name for name in pictures if digest("n")[:12] in name)) == webp(9)
        said = whole.read("README.txt").decode()
        assert "NOT the originals" in said
        assert f"{len(images)}, of which {len(pictures)} are included here" in said
        assert "not a medical device" in said
        rows = list(csv.DictReader(io.StringIO(whole.read("images.csv").decode())))
        assert sorted(row["file"] for row in rows if row["file"]) == sorted(pictures)
        assert [row["sha256"] for row in rows if not row["file"]] == [digest("bare")]
        assert ReportShape.model_validate(json.loads(whole.read("report.json"))).id == scan_id


async def test_a_scan_without_images_makes_a_zip_too(client: Client, kept: Database) -> None:
    scan_id = await scanned(kept, status="failed")
    with zipfile.ZipFile(io.BytesIO(await (await client.get(f"/api/scans/{scan_id}/export.zip")).read())) as whole:
        assert sorted(whole.namelist()) == ["README.txt", "images.csv", "report.json"]


async def test_the_next_scan_says_what_has_changed(browsed: Page, kept: Database) -> None:
    picture = webp()
    before = [judged("gone", "xray", thumbnail=picture), judged("same", "ct", thumbnail=picture), judged("told", "ct")]
    await scanned(kept, *before, url="https://example.org/page")
    await scanned(kept, judged("else", "mri"), url="https://example.org/another")
    scan_id = await scans.create(kept, kind="page", target="https://example.org/page", url="https://example.org/page")
    await scans.start(kept, scan_id, "model-2")
    images = [
        judged(name, modality, thumbnail=picture, model_version="model-2")
        for name, modality in (("fresh", "mri"), ("same", "ct"), ("told", "ultrasound"))
    ]
    await scans.finish(kept, scan_id, status="done", model_version="model-2", found=3, images=images)
    report = await scans.report(kept, scan_id)
    found = await changes.since_previous_scan(kept, scan_id, report.model_version, report.images)
    assert found is not None
    assert (found.new, dict(found.removed)) == ({digest("fresh")}, {digest("gone"): "xray"})
    assert (dict(found.changed), found.same_model) == ({digest("told"): ("ct", "ultrasound")}, False)
    await browsed.goto(f"/scans/{scan_id}")
    since = browsed.locator(".since")
    await since.locator("summary").click()
    await expect(since).to_contain_text("CT became Ultrasound")
    await expect(since).to_contain_text("another model version")
    await expect(since.locator("section")).to_have_count(3)
    await browsed.click('[data-filter="new"]')
    await expect(browsed.locator(".card:visible")).to_have_count(1)
    await since.get_by_role("link", name="Open that scan").click()
    await expect(browsed.locator(".since")).to_have_count(0)  # the first has none before it


async def test_the_first_scan_of_an_address_and_files_have_nothing_before_them(kept: Database) -> None:
    first = await scanned(kept, judged("a"))
    assert await changes.since_previous_scan(kept, first, MODEL, ()) is None
    for _ in range(2):
        files = await scans.create(kept, kind="folder", target="a.png")
    assert await changes.since_previous_scan(kept, files, MODEL, ()) is None


async def test_the_printed_page_holds_every_image_and_nothing_to_press(browsed: Page, kept: Database) -> None:
    images = [judged(str(number), MODALITIES[number % 6], thumbnail=webp(number)) for number in range(18)]
    scan_id = await scanned(kept, *images, title="Osteosarcoma of the tibia")
    await browsed.goto(f"/scans/{scan_id}")
    await expect(browsed.get_by_text("ZIP by modality, small copies (originals are not kept)")).to_have_count(1)
    with pymupdf.open(stream=await browsed.pdf(format="A4"), filetype="pdf") as paper:
        words = "\n".join(sheet.get_text() for sheet in paper)
        assert 1 <= len(paper) <= 3
        assert "Osteosarcoma of the tibia" in words
        assert words.count("90 %") == len(images)
        assert not any(press in words for press in ("Scan again", "Download", "As on the page", "Sign out"))
