"""Takes a picture of every page of the dashboard, light and dark, on a desk and on a phone; small WebP files."""

from __future__ import annotations

import io
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.async_api import Browser, BrowserContext, Page, expect

from tests.service.conftest import Service

DESK, PHONE = {"width": 1280, "height": 860}, {"width": 390, "height": 844}
MOST = 1500  # pixels of height; what follows is more of the same
QUALITY = 80
# What the settings page shows of who is signed in.
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
LONG_MS = 150_000

Act = Callable[[Page], Awaitable[None]]


async def nothing(_: Page) -> None:
    return


async def open_detail(tab: Page) -> None:
    """The panel of the scan's MRI, with its heat map."""
    await tab.locator('.card[data-modality="mri"]:visible a').first.click()
    await expect(tab.locator("#detail [data-verdict]")).to_be_visible()  # keys have nothing to act upon before
    await tab.mouse.move(2, 2)
    await tab.keyboard.press("h")
    await expect(tab.locator("#detail [data-heatmap]")).to_be_visible(timeout=LONG_MS)
    await tab.wait_for_timeout(400)


async def ask_much(tab: Page) -> None:
    await tab.fill(
        "#addresses",
        "https://teaching.example.org/cases/head-and-spine\nhttps://journal.example.org/articles/abdomen-and-spine.pdf",
    )


async def keys(tab: Page) -> None:
    await tab.keyboard.press("?")
    await expect(tab.locator("#keys")).to_be_visible()


def pages(ids: dict[str, str]) -> dict[str, tuple[str, Act, bool]]:
    """By the picture's name: the address, what is done there first, and whether it is taken on a phone too."""
    return {
        "history": ("/", nothing, True),
        "new": ("/new", ask_much, True),
        "scan": (f"/scans/{ids['main']}", nothing, True),
        "detail": (f"/scans/{ids['main']}", open_detail, True),
        "paper": (f"/scans/{ids['paper']}", nothing, False),
        "image": (f"/images/{ids['image']}", nothing, True),
        "review": ("/review", nothing, True),
        "statistics": ("/statistics?days=30", nothing, True),
        "corrections": ("/corrections", nothing, False),
        "settings": ("/settings", nothing, False),
        "keys": ("/", keys, False),
    }


async def signed_in(browser: Browser, service: Service) -> BrowserContext:
    context = await browser.new_context(base_url=service.address, viewport=DESK, reduced_motion="reduce", user_agent=AGENT)  # type: ignore[arg-type]
    tab = await context.new_page()
    await tab.emulate_media(color_scheme="light")
    await tab.goto("/login")
    await shoot(tab, "login", "light")
    await tab.fill("#token", service.token)
    await tab.click("button.primary")
    await tab.wait_for_url("**/")
    await tab.close()
    return context


async def take_all(browser: Browser, service: Service, ids: dict[str, str]) -> None:
    context = await signed_in(browser, service)
    tab = await context.new_page()
    for size, ending in ((DESK, ""), (PHONE, "-phone")):
        await tab.set_viewport_size(size)  # type: ignore[arg-type]
        for name, (path, act, on_phone) in pages(ids).items():
            if ending and not on_phone:
                continue
            for scheme in ("light", "dark"):
                await tab.emulate_media(color_scheme=scheme)  # type: ignore[arg-type] - before the page: a chart comes in one scheme
                await tab.goto(path)
                await act(tab)
                await shoot(tab, name + ending, scheme)
    await context.close()


async def shoot(tab: Page, name: str, scheme: str) -> None:
    await loaded(tab)
    size: dict[str, Any] = dict(tab.viewport_size or {})
    modal = await tab.evaluate("Boolean(document.querySelector('dialog[open]'))")
    wide = await tab.evaluate("document.documentElement.scrollWidth > innerWidth")
    if wide:
        raise RuntimeError(f"{name} is wider than its window")
    data = await tab.screenshot(full_page=not modal and size["width"] > PHONE["width"])
    image = Image.open(io.BytesIO(data)).convert("RGB")
    image = image.crop((0, 0, image.width, min(image.height, MOST)))
    image.save(OUT / f"{name}-{scheme}.webp", quality=QUALITY, method=6)


async def loaded(tab: Page) -> None:
    """Until every picture is there, those far below too."""
    await tab.evaluate("""async () => {
        for (const img of document.images) img.loading = "eager";
        const shown = [...document.images].filter((img) => img.src && img.checkVisibility());
        await Promise.all(shown.map((img) => img.decode().catch(() => 0)));
        await document.fonts.ready;
    }""")
    await tab.wait_for_function("[...document.images].every((img) => !img.checkVisibility() || !img.src || img.naturalWidth > 0)")
    await tab.wait_for_timeout(250)


OUT = Path(__file__).resolve().parents[1] / "screenshots"
