"""The dashboard's pages: as HTML, and in a real browser with hostile titles and a scan that runs."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from uuid import uuid4

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from playwright.async_api import Page, expect

from server.contract.report import image_json
from server.store import scans
from server.store.database import Database
from server.web.templating import STATIC, TEMPLATES
from tests.judged import MODEL, digest, judged
from tests.web.conftest import Client, emit, scanned, signed_in, webp

EVIL = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>\"'{{7*7}}"


class Tags(HTMLParser):
    """What a browser would take as markup."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def nothing_inline(page: str) -> None:
    for tag, attributes in Tags(page).found:
        assert tag != "style"
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("src", "href", "action"):
            address = attributes.get(name)
            if address and "external" not in (attributes.get("rel") or ""):
                assert address.startswith(("/", "#")), address
        if tag == "script":
            assert attributes.get("src")


async def read(page: Client, path: str, status: int = 200) -> str:
    answer = await page.get(path, headers={"Accept": "text/html"})
    assert answer.status == status
    assert answer.content_type == "text/html"
    text = await answer.text()
    nothing_inline(text)
    return text


async def test_every_page_shows_hostile_texts_as_texts(server: TestServer, session: ClientSession, kept: Database) -> None:
    page = await signed_in(server, session)
    ends = []
    for status in ("done", "partial", "failed", "cancelled"):
        images = judged(status, alt=EVIL, uncertain=True, agree=False, thumbnail=webp()), judged("n", near=status)
        ends.append(await scanned(kept, *images, title=EVIL, url="javascript:alert(1)", status=status))
    paths = ["/", f"/?q={EVIL.replace('#', '')}", *(f"/scans/{scan}" for scan in ends), f"/images/{digest('done')}"]
    for path in paths:
        text = await read(page, path)
        assert "<img src=x" not in text
        assert "<script>document" not in text
        assert "&lt;script&gt;" in text
        assert 'href="javascript:' not in text


async def test_pages_of_what_is_not_there(server: TestServer, session: ClientSession) -> None:
    page = await signed_in(server, session)
    for path in (f"/scans/{uuid4()}", "/scans/x", f"/images/{'0' * 64}", "/nowhere"):
        assert "not_found" in await read(page, path, 404)
    assert "bad_request" in await read(page, "/?limit=x", 400)
    for path in ("/static/nothing.css", "/static/../pages.py", "/static/%2e%2e/pages.py", "/static/"):
        assert (await page.get(path)).status in {403, 404}


async def test_empty_states_say_what_to_do(server: TestServer, session: ClientSession) -> None:
    page = await signed_in(server, session)
    assert "Nothing scanned yet" in await read(page, "/")
    assert "Nothing matches" in await read(page, "/?q=abc")


async def test_history_goes_on_with_its_filters(
    server: TestServer, session: ClientSession, kept: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.web.pages.history_page.ROWS", 2)
    page = await signed_in(server, session)
    for number in range(3):
        await scanned(kept, judged("a"), title=f"Page {number}")
    first = await read(page, "/?modality=ct&q=page")
    older = next(attributes["href"] for _, attributes in Tags(first).found if attributes.get("rel") == "next")
    assert older is not None
    assert "modality=ct" in older
    second = await read(page, older)
    assert "Page 0" in second
    assert "Page 2" not in second


async def test_signing_in_and_reading_need_no_script(stranger: Client) -> None:
    assert "Open the link" in await read(stranger, "/login")
    assert 'value="&lt;b&gt;"' in await read(stranger, "/login?code=<b>")


def test_scripts_take_no_markup_and_styles_know_both_themes() -> None:
    for script in STATIC.rglob("*.js"):
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b", script.read_text()), script.name
        assert len(script.read_text().splitlines()) <= 120
    assert "prefers-color-scheme: dark" in (STATIC / "css" / "tokens.css").read_text()
    for style in STATIC.rglob("*.css"):
        assert len(style.read_text().splitlines()) <= 250, style.name
    for template in TEMPLATES.glob("*.html"):
        assert "|safe" not in template.read_text().replace(" ", ""), template.name


async def test_a_gallery_fills_live_and_ends(browsed: Page, kept: Database) -> None:
    scan_id = await scans.create(kept, kind="page", target="https://example.org", url="https://example.org", title=EVIL)
    await scans.start(kept, scan_id, MODEL)
    await browsed.goto(f"/scans/{scan_id}")
    await expect(browsed.locator(".chip")).to_have_text("Running")
    images = [
        judged("a", "ct", alt=EVIL, thumbnail=webp()),
        judged("b", "non_medical", uncertain=True, agree=False, thumbnail=webp(30)),
    ]
    for place, image in enumerate(images):
        await scans.add_images(kept, scan_id, [image], place)
        await emit(kept, scan_id, ("verdict", image_json(image)))
        await expect(browsed.locator(".card")).to_have_count(place + 1)
    await expect(browsed.locator(".card").first).to_contain_text("CT")
    await expect(browsed.locator('[data-count="medical"]')).to_have_text("1")
    await browsed.click('[data-filter="non_medical"]')
    await expect(browsed.locator(".card:visible")).to_have_count(1)
    await scans.finish(kept, scan_id, status="done", images=images, found=2, model_version=MODEL)
    await expect(browsed.locator(".chip")).to_have_text("Done")
    await expect(browsed.locator("[data-progress]")).to_be_hidden()
    assert await browsed.title() != "owned"


async def test_a_verdict_is_corrected_by_one_key(browsed: Page, kept: Database) -> None:
    await scanned(kept, judged("a", "ct", thumbnail=webp()))
    await browsed.goto(f"/images/{digest('a')}")
    await browsed.keyboard.press("3")
    await expect(browsed.locator("[data-verdict]")).to_have_text("MRI")
    await browsed.reload()
    await expect(browsed.locator('[data-correct="mri"]')).to_have_attribute("aria-pressed", "true")
