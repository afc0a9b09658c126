"""Real clicks of a real mouse in a window: toolbar button, shortcut and menus, on pages that only `activeTab` opens."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.extension.desk import HOST, Desk
from tests.extension.gallery_site import members_only
from tests.extension.hands import until
from tests.extension.service import TOKEN, Service
from tests.site import Site

pytestmark = pytest.mark.slow
IN_TABS = "async () => (await chrome.tabs.query({})).map((tab) => tab.url ?? '')"


async def count(page: Page) -> int:
    return await page.locator("[data-medlens]").count()


async def test_the_toolbar_button_grants_this_tab_and_no_more(desk: Desk, site: Site) -> None:
    other = await desk.open(site.url("/other?not-clicked", HOST))
    page = await desk.open(site.url("/ward?toolbar", HOST))
    assert page.url not in await desk.extension.worker.evaluate(IN_TABS), "nothing is known of it before the click"
    await desk.toolbar()
    await desk.says("#status", "Done")
    assert await desk.width() == 400, "the popup is as wide as it wants, and everything fits"
    assert page.url in await desk.extension.worker.evaluate(IN_TABS)
    assert other.url not in await desk.extension.worker.evaluate(IN_TABS)
    medical = int(await desk.words("[data-filter=medical] span") or 0)
    await until(lambda: desk.extension.badge(page), str(medical))
    await desk.press("#mark")
    await until(lambda: count(page), medical)
    await desk.screen.key("Escape")
    await desk.closed()
    await desk.shortcut()
    await desk.says("#status", "Done")
    await until(lambda: desk.words("#facts"), lambda said: "9 images in all" in said)
    await desk.press("#mark")
    await until(lambda: count(page), 0)


async def test_the_shortcut_checks_and_marks_by_itself(desk: Desk, site: Site, service: Service) -> None:
    await desk.extension.reset(service.address, TOKEN, marks=True)
    page = await desk.open(site.url("/ward?shortcut", HOST))
    await desk.shortcut()
    await desk.says("#status", "Done")
    await until(lambda: count(page), int(await desk.words("[data-filter=medical] span") or 0))


async def test_the_grant_ends_with_the_site(desk: Desk, site: Site) -> None:
    page = await desk.open(site.url("/ward?leaving", HOST))
    await desk.toolbar()
    await desk.says("#status", "Done")
    await desk.screen.key("Escape")
    await desk.closed()
    tab = await desk.extension.tab_of(page)
    await page.goto(site.url("/other", "elsewhere.localhost"))
    assert page.url not in await desk.extension.worker.evaluate(IN_TABS)
    assert await desk.extension.worker.evaluate("(tabId) => chrome.action.getBadgeText({tabId})", tab) == ""


async def test_a_right_click_on_a_link_checks_the_pdf(desk: Desk, site: Site) -> None:
    page = await desk.open(site.url("/ward?link", HOST))
    await desk.menu(*await desk.at(page, "#pdf"), "Up", "Up", "Right", "Return")  # from the end: Inspect, medlens, its first
    await desk.says("#status", "Done")
    await desk.says("#facts", "3 images in all")


async def test_a_right_click_on_an_image_checks_it(desk: Desk, site: Site) -> None:
    page = await desk.open(site.url("/ward?menu", HOST))
    await desk.menu(*await desk.at(page, "img"), "Up", "Up", "Return")
    await desk.says("#status", "Done")
    await desk.says("#facts", "1 image in all")


@pytest.mark.parametrize("by", ["button", "menu"])
async def test_the_browsers_own_pdf_viewer_is_checked(desk: Desk, site: Site, by: str) -> None:
    site.add_handler(f"/{by}.pdf", site.handler("/ward.pdf"))
    await desk.open(site.url(f"/{by}.pdf", HOST))
    await desk.viewer()
    if by == "button":
        await desk.toolbar()
    else:
        await desk.menu(600, 700, "Up", "Up", "Return")
    await desk.says("#status", "Done")
    await desk.says("#facts", "3 images in all")
    assert await desk.words("#mark:disabled") is not None, "no browser lets marks into its viewer"


async def sent(desk: Desk, site: Site, path: str) -> Page:
    """Signed in to a part of the site that the service may not see: the page, once what it shows was sent by hand."""
    members_only(site)
    page = await desk.open(site.url("/members/login", HOST))
    await page.goto(site.url(path, HOST))
    await desk.toolbar()
    await desk.says("#status", "Failed")
    await desk.see()
    await desk.press("#see-yes")
    return page


async def test_a_pdf_that_only_this_browser_may_open_is_sent_by_it(desk: Desk, site: Site) -> None:
    await sent(desk, site, "/members/ward.pdf")
    await desk.says("#title", "ward.pdf")
    await desk.says("#status", "Done")
    await desk.says("#facts", "3 images in all")


async def test_a_page_that_only_this_browser_may_open_is_sent_and_marked(desk: Desk, site: Site) -> None:
    page = await sent(desk, site, "/members")
    await desk.says("#status", "Done")
    await desk.says("#facts", "2 images in all")
    await desk.press("#mark")
    await until(lambda: count(page), 2)


async def test_another_host_for_the_service_is_asked_for_and_a_no_is_told(desk: Desk, service: Service) -> None:
    options = await desk.open(desk.extension.url("options/options.html"))
    address = service.address.replace("127.0.0.1", HOST)
    await options.locator("#address").fill(address)
    await options.locator("#test").click()
    await desk.answer(False)
    await expect(options.locator("#tested")).to_have_text(f"The browser does not allow the extension to reach {address}.")
    await expect(options.locator("#connected")).to_have_text("Connected")  # to the one before, which it keeps
    await options.locator("#test").click()
    await desk.answer(True)
    await expect(options.locator("#tested")).to_contain_text("medlens answers. Connect the extension below.")
    await expect(options.locator("#connected")).to_have_text("Not connected")  # a token goes to no other address
    await options.evaluate("chrome.permissions.remove({ origins: ['http://localhost/*'] })")


async def test_a_host_is_asked_for_and_a_no_is_told(desk: Desk, site: Site) -> None:
    page = await desk.open(site.url("/other?two-hosts", HOST))
    away = site.url("/picture/0.png", "pictures.localhost")
    await page.evaluate("(url) => document.body.append(Object.assign(new Image(230, 180), { src: url }))", away)
    await desk.toolbar()
    await desk.says("#status", "Done")
    await desk.see()
    await desk.press("#see-yes")
    await desk.says("#see-text", "pictures.localhost")
    await desk.says("#facts", "1 image in all")
    await desk.press("#see-yes")  # the browser's question closes the popup
    await desk.closed()
    await desk.answer(False)
    await desk.shortcut()
    await desk.says("#see-text", "did not get your permission")
    await desk.says("#see-text", "pictures.localhost")
    await desk.press("#see-yes")
    await desk.closed()
    await desk.answer(True)
    await desk.says("#facts", "2 images in all")
    await desk.says("#status", "Done")
