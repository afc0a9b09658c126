"""What the tests of a scan's page share: a scan of five images, and which of them are shown."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from playwright.async_api import Page

from server.contract.records import JudgedImage, Panel, Place
from server.store.database import Database
from tests.judged import digest, judged, verdict
from tests.web.conftest import scanned, webp

EVIL = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>\"'{{7*7}}"


def at(image: JudgedImage, top: float, page: int | None = None) -> JudgedImage:
    place = Place("https://example.org/x.png", "embedded", page=page, alt=EVIL, box=(30, top, 200, 150))
    return replace(image, image=replace(image.image, places=(place,)))


async def five(kept: Database) -> UUID:
    """Judged in another order than they stand; b is folded under a; d is not sure, and its members disagree."""
    panels = (Panel((0, 0, 320, 480), verdict("ct")), Panel((320, 0, 320, 480), verdict("mri")))
    images = [
        at(judged("d", "ultrasound", 0.55, uncertain=True, agree=False, thumbnail=webp(70)), 900),
        at(judged("c", "non_medical", 0.8, thumbnail=webp(200)), 500),
        at(judged("a", "ct", 0.95, thumbnail=webp(90), panels=panels), 10),
        at(judged("b", "ct", 0.95, near="a", thumbnail=webp(91)), 20),
        at(judged("e", "mri", 0.99), 1500),
    ]
    return await scanned(kept, *images, title=EVIL, url="https://example.org/five")


async def shown(page: Page) -> list[str]:
    return [(await one.get_attribute("data-sha256") or "")[:4] for one in await page.locator(".card:visible").all()]


def short(*wanted: str) -> list[str]:
    return [digest(name)[:4] for name in wanted]
