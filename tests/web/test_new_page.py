"""New scans by hand, in a real browser: many addresses, files, folders, drops; each with its progress, a way out and a retry."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from uuid import UUID

import pymupdf
import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from PIL import Image
from playwright.async_api import FilePayload, Page, expect

from server.contract.records import ScanError
from server.store import history, scans, uploads
from server.store.database import Database
from server.web.http.keys import LIMITER
from server.web.http.limits import Limiter, Rate
from tests.extract.test_slide import slide
from tests.judged import MODEL, judged
from tests.web.conftest import scanned, signed_in, webp
from tests.web.tabs import DESK, PHONE, axe_finds, needs_axe, sideways, statements

# An address of documentation (RFC 5737): the guard refuses its network, which needs no name server.
DENIED = "http://192.0.2.1/"
PUBLIC = "http://93.184.216.34/"


def png(shade: int) -> bytes:
    out = BytesIO()
    Image.new("L", (80, 80), shade).save(out, "PNG")
    return out.getvalue()


def pdf() -> bytes:
    with pymupdf.open() as document:
        document.new_page()
        made: bytes = document.tobytes()
        return made


def files(**named: bytes) -> list[FilePayload]:
    return [{"name": name.replace("_", "."), "mimeType": "", "buffer": data} for name, data in named.items()]


async def queued(kept: Database) -> dict[str, list[str]]:
    """What waits: title to the names of its files."""
    entries = (await history.page(kept)).entries
    return {entry.title or entry.target: [file.name or "" for file in await uploads.load(kept, entry.id)] for entry in entries}


async def test_many_addresses_are_begun_and_bad_ones_named(browsed: Page, kept: Database) -> None:
    await browsed.goto("/new")
    await expect(browsed.locator("#no-jobs")).to_contain_text("Nothing is waiting")
    await browsed.keyboard.press("p")
    lines = [f"{PUBLIC}a", "ftp://example.org/x", f"{PUBLIC}b", "", f"{PUBLIC}a", DENIED, "not an address <b>"]
    await browsed.locator("#addresses").fill("\n".join(lines))
    await browsed.keyboard.press("Control+Enter")
    said = browsed.locator("#start-state")
    await expect(said.locator("li")).to_have_count(3)
    await expect(said).to_contain_text("ftp://example.org/x: ")
    await expect(said).to_contain_text("not an address <b>: ")
    await expect(browsed.locator("#addresses")).to_have_value(f"ftp://example.org/x\n{DENIED}\nnot an address <b>")
    await expect(browsed.locator(".job")).to_have_count(2)
    await expect(browsed.locator("#queue-counts")).to_have_text("0 running, 2 waiting")
    assert {entry.target for entry in (await history.page(kept)).entries} == {f"{PUBLIC}a", f"{PUBLIC}b"}


async def test_one_address_alone_is_shown_at_once(browsed: Page, kept: Database) -> None:
    await browsed.goto("/new")
    await browsed.fill("#addresses", f" {PUBLIC}x ")
    await browsed.locator('[name="no_cache"]').check()
    await browsed.get_by_role("button", name="Scan", exact=True).click()
    await browsed.wait_for_url("**/scans/*")
    asked = await scans.start(kept, UUID(browsed.url.rpartition("/")[2]))
    assert asked is not None
    assert asked.options == {"no_cache": True}


async def test_files_are_sorted_into_scans_and_others_left_out(browsed: Page, kept: Database) -> None:
    await browsed.goto("/new")
    dicom = b"\0" * 128 + b"DICM" + b"\0" * 200
    given = files(one_png=png(1), paper_pdf=pdf(), two_webp=webp(), notes_txt=b"hello", slice_dcm=dicom, _hidden=png(2))
    await browsed.set_input_files("#files", given)
    await expect(browsed.locator(".job")).to_have_count(2)
    await expect(browsed.locator("#start-state")).to_contain_text("notes.txt")
    await expect(browsed.locator("[data-says]", has_text="waiting for a worker")).to_have_count(2)
    assert await queued(kept) == {
        "3 files: one.png, two.webp, slice.dcm": ["one.png", "two.webp", "slice.dcm"],
        "paper.pdf": ["paper.pdf"],
    }
    await browsed.locator('[name="apart"]').check()
    await browsed.set_input_files("#files", files(three_png=png(3), four_png=png(4)))
    await expect(browsed.locator(".job")).to_have_count(4)


async def test_a_folder_is_opened_to_the_bottom(browsed: Page, kept: Database, tmp_path: Path) -> None:
    for number, place in enumerate(("a.png", "in/b.png", "in/deep/c.png", "in/.DS_Store", "in/readme.md")):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_bytes(png(number) if place.endswith("png") else b"text")
    await browsed.goto("/new")
    await browsed.set_input_files("#folder", tmp_path)
    await expect(browsed.locator(".job")).to_have_count(1)
    await expect(browsed.locator(".job")).to_contain_text("waiting for a worker")
    (names,) = (await queued(kept)).values()
    assert sorted(names) == ["a.png", "b.png", "c.png"]


async def test_what_is_dropped_anywhere_is_taken(browsed: Page, kept: Database) -> None:
    await browsed.goto("/new")
    drop = """([bytes, link]) => {
      const data = new DataTransfer();
      if (link) data.setData("text/uri-list", link);
      else for (const name of ["x.png", "y.png"]) data.items.add(new File([new Uint8Array(bytes)], name));
      document.querySelector("h1").dispatchEvent(new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true}));
    }"""
    await browsed.evaluate(drop, [list(png(5)), None])
    await browsed.wait_for_url("**/scans/*")
    assert list(await queued(kept)) == ["2 files: x.png, y.png"]
    await browsed.goto("/new")
    await browsed.evaluate(drop, [[], f"{PUBLIC}dropped"])
    await browsed.wait_for_url("**/scans/*")


async def test_the_queue_lives_and_can_be_stopped_and_tried_again(browsed: Page, kept: Database) -> None:
    waits = await scans.create(kept, kind="page", target=PUBLIC, url=PUBLIC, title="Waits")
    failed = await scanned(kept, title="Failed <i>", url=f"{PUBLIC}f", status="failed")
    async with kept.begin() as connection:
        await connection.execute(
            history.scans.update().where(history.scans.c.id == failed).values(error_code="x", error_message="it was away")
        )
    await scanned(kept, judged("a"), title="Done long ago")
    await browsed.goto("/new")
    await expect(browsed.locator(".job-name")).to_have_text(["Failed <i>", "Waits"])
    await expect(browsed.locator(".job").first).to_contain_text("it was away")
    await browsed.get_by_role("button", name="Stop").click()
    line = browsed.locator(f'[data-scan="{waits}"]')
    await expect(line.locator(".chip")).to_have_text("Stopped")
    await line.get_by_role("button", name="Retry").click()
    await expect(line).to_have_count(0)
    again = browsed.locator(".job").first
    await expect(again.locator(".chip")).to_have_text("Waiting")
    begun = UUID(await again.get_attribute("data-scan") or "")
    await scans.start(kept, begun, MODEL)
    await expect(again.locator(".chip")).to_have_text("Running")
    await scans.finish(kept, begun, status="failed", error=ScanError("timed_out", "took too long"))
    await expect(again).to_contain_text("took too long")
    elsewhere = await scans.create(kept, kind="pdf", target="x.pdf", title="From elsewhere")
    await expect(browsed.locator(f'[data-scan="{elsewhere}"]')).to_contain_text("From elsewhere")
    await browsed.get_by_role("button", name="Clear finished scans").click()
    await expect(browsed.locator(".job")).to_have_count(1)


async def test_an_upload_that_has_to_wait_is_tried_again(browsed: Page, kept: Database, app: web.Application) -> None:
    usual: Limiter = app[LIMITER]
    await browsed.goto("/new")
    try:
        usual.rates = {**usual.rates, "scan": Rate(burst=1, per_second=1)}
        usual.forget()
        await browsed.fill("#addresses", "\n".join(f"{PUBLIC}{number}" for number in range(3)))
        await browsed.get_by_role("button", name="Scan", exact=True).click()
        await expect(browsed.locator(".job")).to_have_count(3, timeout=20_000)
        await expect(browsed.locator("#start-state")).to_be_hidden()
    finally:
        usual.rates = Limiter().rates


@needs_axe
async def test_axe_finds_nothing(browsed: Page, kept: Database) -> None:
    await scans.create(kept, kind="page", target=PUBLIC, url=PUBLIC, title="Waits")
    await scanned(kept, title="Failed", url=f"{PUBLIC}f", status="failed")
    for size in (DESK, PHONE):
        await browsed.set_viewport_size(size)  # type: ignore[arg-type]
        await browsed.goto("/new")
        await browsed.fill("#addresses", "ftp://x\nftp://y")
        await browsed.get_by_role("button", name="Scan", exact=True).click()
        await expect(browsed.locator("#start-state li")).to_have_count(2)
        assert await axe_finds(browsed) == []
        assert not await sideways(browsed)


@pytest.mark.parametrize("filled", [False, True])
async def test_the_page_is_two_questions(server: TestServer, session: ClientSession, kept: Database, filled: bool) -> None:
    page = await signed_in(server, session)
    for number in range(5 if filled else 0):
        await scans.create(kept, kind="page", target="x", title=str(number))
    with statements(kept) as asked:
        assert (await page.get("/new")).status == 200
    assert len(asked) == 2, asked


async def test_a_slide_is_taken(browsed: Page, kept: Database) -> None:
    await browsed.goto("/new")
    await browsed.set_input_files("#files", files(case_svs=slide(600, 300, 2)))
    await browsed.wait_for_url("**/scans/*")
    assert await queued(kept) == {"case.svs": ["case.svs"]}
    assert [entry.kind for entry in (await history.page(kept)).entries] == ["slide"]
