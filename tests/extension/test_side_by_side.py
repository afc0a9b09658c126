"""A page's scan and its links' scans stand side by side: a link takes neither popup, badge nor marks of the page."""

from __future__ import annotations

from playwright.async_api import Page, expect

from tests.extension.hands import Extension, checked, opened, until
from tests.site import Site


async def shown(popup: Page, name: str) -> None:
    """The popup shows the scan of this name, at its end."""
    await expect(popup.locator("#scans [aria-pressed=true]")).to_contain_text(name)
    await expect(popup.locator("#status")).to_have_text("Done")


async def test_a_link_leaves_the_pages_badge_marks_and_popup_alone(extension: Extension, site: Site) -> None:
    page = await opened(extension, site, "/ward?beside")
    popup = await checked(extension, page)
    await expect(popup.locator("#scans")).to_be_hidden()
    medical = int(await popup.locator("[data-filter=medical] span").inner_text())
    await until(lambda: extension.badge(page), str(medical))
    await popup.locator("#mark").check()
    await expect(page.locator("[data-medlens]")).to_have_count(medical)
    await popup.close()

    await extension.menu("pdf", page, linkUrl=site.url("/ward.pdf"))
    popup = await extension.popup(page)
    await shown(popup, "ward.pdf")
    await expect(popup.locator("#facts")).to_contain_text("3 images in all")
    await expect(popup.locator("#mark")).to_be_disabled()
    await expect(popup.locator("#mark")).to_be_checked()
    assert await extension.badge(page) == str(medical)
    await expect(page.locator("[data-medlens]")).to_have_count(medical)

    await popup.locator("#scans button", has_text="This page").click()
    await shown(popup, "This page")
    await expect(popup.locator("#facts")).to_contain_text("9 images in all")
    await expect(popup.locator("#mark")).to_be_enabled()
    await popup.close()
    popup = await extension.popup(page)
    await shown(popup, "This page")
    await expect(popup.locator("#scans button")).to_have_text([f"This page{medical}", "ward.pdf3"])
    assert len((await extension.ask("GET", "/api/scans?q=beside"))["scans"]) == 1


async def test_a_link_before_the_page_leaves_the_badge_empty_until_the_page_is_scanned(extension: Extension, site: Site) -> None:
    page = await opened(extension, site, "/ward?link-first")
    await extension.menu("image", page, srcUrl=site.url("/picture/0.png"))
    popup = await extension.popup(page)
    await shown(popup, "0.png")
    assert await extension.badge(page) == ""
    await popup.locator("#scans button", has_text="This page").click()
    await shown(popup, "This page")
    await expect(popup.locator("#facts")).to_contain_text("9 images in all")
    await until(lambda: extension.badge(page), await popup.locator("[data-filter=medical] span").inner_text())
    await popup.locator("#scans button", has_text="0.png").click()
    await shown(popup, "0.png")
    await expect(popup.locator("#facts")).to_contain_text("1 image in all")
    await popup.locator("#again").click()
    await shown(popup, "0.png")
    await expect(popup.locator("#scans button")).to_have_count(2)


async def test_a_link_that_cannot_be_scanned_says_so_once_and_leaves_the_page(extension: Extension, site: Site) -> None:
    page = await opened(extension, site, "/ward?refused")
    popup = await checked(extension, page)
    medical = await popup.locator("[data-filter=medical] span").inner_text()
    await popup.close()
    await extension.menu("link", page, linkUrl="http://10.1.2.3/private.pdf")
    await until(lambda: extension.badge(page), medical)
    popups = [opened for opened in extension.browser.pages if "popup.html" in opened.url]
    popup = popups[-1] if popups else await extension.popup(page)
    await expect(popup.locator("#trouble-title")).to_have_text("This address is not allowed")
    await popup.close()
    popup = await checked(extension, page)
    await expect(popup.locator("#facts")).to_contain_text("9 images in all")


async def test_the_oldest_links_make_room(extension: Extension, site: Site) -> None:
    page = await opened(extension, site, "/ward?many-links")
    await checked(extension, page)
    for number in range(7):
        await extension.menu("image", page, srcUrl=site.url(f"/picture/{number}.png"))
        popup = await extension.popup(page)
        await shown(popup, f"{number}.png")
        await popup.close()
    popup = await checked(extension, page)
    names = popup.locator("#scans button span")
    await expect(names).to_have_text(["This page", *(f"{number}.png" for number in range(6, 0, -1))])
