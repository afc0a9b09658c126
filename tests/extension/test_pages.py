"""Pages as they come: PDFs by menu, images by menu, late and hidden images, shadow roots, hundreds, hostile names, moving on."""

from __future__ import annotations

from playwright.async_api import expect

from server.contract.report import verdict_json
from server.store.codec import corrected
from tests.extension.gallery_site import HOSTILE
from tests.extension.hands import Extension, checked, opened, until
from tests.extension.layer import Layer
from tests.extract.test_slide import slide
from tests.judged import verdict
from tests.site import Site


async def test_a_pdf_link_is_checked_by_its_menu(extension: Extension, site: Site) -> None:
    page = await opened(extension, site, "/ward?pdf")
    await extension.menu("pdf", page, linkUrl=site.url("/ward.pdf"))
    popup = await checked(extension, page)
    await expect(popup.locator("#facts")).to_contain_text("3 images in all")
    await expect(popup.locator("#mark")).to_be_disabled()
    await popup.locator("[data-filter=all]").click()
    await expect(popup.locator(".notes")).to_contain_text(["Page 1", "Page 2", "Page 3"])


async def test_a_link_to_a_slide_is_checked_by_its_menu(extension: Extension, site: Site) -> None:
    site.add("/case.svs", slide(1600, 900, 2), "application/octet-stream")
    page = await opened(extension, site, "/ward?slide")
    await extension.menu("pdf", page, linkUrl=site.url("/case.svs"))
    popup = await checked(extension, page)
    await popup.locator("[data-filter=all]").click()
    await expect(popup.locator(".notes").first).to_contain_text("Page 1")


async def test_one_image_is_checked_by_its_menu(extension: Extension, site: Site) -> None:
    page = await opened(extension, site, "/ward?image")
    await extension.menu("image", page, srcUrl=site.url("/picture/0.png"))
    popup = await checked(extension, page)
    await expect(popup.locator("#facts")).to_contain_text("1 image in all")


# The gallery's order while answers come, and once the Report is there.
ORDER = """async () => {
  const [{ Progress }, { Gallery }] = await Promise.all([import("/core/progress.js"), import("/popup/gallery.js")]);
  const verdict = { modality: "ct", is_medical: true, confidence: 1, probabilities: { ct: 1 }, sure: true, uncertain: false,
    medical: { probability: 1, sure: true }, open: null, contains: ["ct"], agree: true, corrected: false };
  const image = (sha256) => ({ sha256, width: 99, height: 99, near_duplicate_of: null, places: [], verdict });
  const state = { progress: new Progress(), config: { minSide: 0, address: "http://127.0.0.1:9" } };
  const gallery = new Gallery(state);
  const order = () => [...gallery.list.children].map((card) => card.dataset.image).join("");
  for (const name of "cade") gallery.take(state.progress.take({ kind: "verdict", data: image(name) }), false);
  const early = order();
  const report = { status: "done", source: { kind: "page", title: "", target: "" }, error: null, images: [..."abcd"].map(image) };
  gallery.take(state.progress.take({ kind: "report", data: report }), true);
  return [early, order()];
}"""


async def test_the_gallery_stands_as_people_read_once_all_is_judged(extension: Extension) -> None:
    page = await extension.browser.new_page()
    await page.goto(extension.url("popup/popup.html"))
    assert await page.evaluate(ORDER) == ["cade", "abcd"]
    await page.close()


# What the popup's card says of a verdict: its words, its dots, its percentage, its notes.
CARD = """async (verdict) => {
  const [{ Progress }, { Gallery }] = await Promise.all([import("/core/progress.js"), import("/popup/gallery.js")]);
  const state = { progress: new Progress(), config: { minSide: 0, address: "http://127.0.0.1:9" } };
  const image = { sha256: "a", width: 99, height: 99, near_duplicate_of: null, places: [], panels: [], verdict };
  const gallery = new Gallery(state);
  gallery.take(state.progress.take({ kind: "verdict", data: image }), false);
  const card = gallery.list.firstElementChild;
  const texts = ["strong", ".share", ".notes"].map((name) => card.querySelector(name).textContent);
  return [...texts, card.querySelectorAll(".dot").length];
}"""


async def test_the_popup_says_a_verdict_in_words_and_a_percentage_only_where_it_is_sure(extension: Extension) -> None:
    page = await extension.browser.new_page()
    await page.goto(extension.url("popup/popup.html"))
    for judged, shown in [
        (verdict("ct", 0.99), ["CT", "99%", "", 1]),
        (verdict("ct", 0.96, uncertain=True), ["Probably CT", "", "", 1]),
        (verdict("ct", 0.5, uncertain=True, medical_sure=True, agree=False), ["Medical, X-ray or CT", "", "Models disagree", 1]),
        (verdict("mri", 0.99, contains=("ct", "mri")), ["Figure with CT and MRI", "", "", 2]),
        (corrected(verdict("ct", 0.5, uncertain=True, agree=False), "mri"), ["MRI", "", "Labelled by you", 1]),
    ]:
        assert await page.evaluate(CARD, verdict_json(judged)) == shown
    await page.close()


async def test_marks_follow_lazy_and_late_images(extension: Extension, site: Site) -> None:
    page = await opened(extension, site, "/lazy")
    popup = await checked(extension, page)
    await popup.locator("#mark").check()
    await page.bring_to_front()
    await page.evaluate("document.querySelector('#late')?.remove()")
    marked = page.locator("[data-medlens]")
    await expect(marked.first).to_be_visible()
    await page.evaluate("const img = new Image(230, 180); img.src = '/picture/1.png'; img.id = 'later'; document.body.prepend(img)")
    await expect(page.locator("#later[data-medlens]")).to_be_visible()
    await page.evaluate("document.querySelector('#later').src = '/picture/7.png'")
    await expect(page.locator("#later[data-medlens]")).to_have_count(0)
    await page.locator("#below").scroll_into_view_if_needed()
    await expect(page.locator("#below[data-medlens]")).to_be_visible()


async def test_marks_reach_shadow_roots_and_backgrounds(extension: Extension, site: Site) -> None:
    page = await opened(extension, site, "/shadow")
    popup = await checked(extension, page)
    medical = int(await popup.locator("[data-filter=medical] span").inner_text())
    await popup.locator("#mark").check()
    await page.bring_to_front()
    layer = await Layer.of(page)

    async def count() -> int:
        return len(await layer.labels())

    await until(count, medical)


async def test_a_hostile_page_names_its_images_in_vain(extension: Extension, site: Site) -> None:
    page = await opened(extension, site, "/hostile")
    popup = await checked(extension, page)
    await popup.locator("[data-filter=all]").click()
    await expect(popup.locator(".card img").first).to_have_attribute("alt", HOSTILE.replace("\u202e", ""), ignore_case=False)
    assert await popup.evaluate("window.hacked") is None
    assert await popup.locator("script:not([src])").count() == 0
    await popup.locator("#mark").check()
    await page.bring_to_front()
    await expect(page.locator("[data-medlens]").first).to_be_visible()
    assert await page.evaluate("window.hacked") is None
    assert HOSTILE[:20] not in await (await Layer.of(page)).card()


async def test_three_hundred_images_do_not_hold_the_page_up(extension: Extension, site: Site) -> None:
    page = await opened(extension, site, "/many")
    popup = await checked(extension, page)
    await page.bring_to_front()
    await page.evaluate(
        """() => {
          window.longest = 0;
          new PerformanceObserver((list) => {
            for (const { duration } of list.getEntries()) window.longest = Math.max(window.longest, duration);
          }).observe({ entryTypes: ["longtask"] });
        }"""
    )
    shown = int(await popup.locator("[data-filter=all] span").inner_text())
    medical = popup.locator("[data-filter=medical] span")
    wanted = int(await medical.inner_text()) if await medical.count() else 0
    await popup.evaluate("document.querySelector('#mark').click()")
    await until(lambda: page.locator("[data-medlens]").count(), lambda found: found >= wanted)
    print(f"longest task while marking {wanted} of {shown}: {await page.evaluate('window.longest')} ms")


async def test_an_answer_for_a_page_that_has_gone_finds_nobody(extension: Extension, site: Site) -> None:
    page = await opened(extension, site, "/many?moving")
    popup = await extension.popup(page)
    await expect(popup.locator("#cancel")).to_be_visible()
    await page.goto(site.url("/other"))
    await expect(popup.locator("#status")).to_have_text("Done")
    assert await extension.badge(page) == ""
    assert await page.locator("[data-medlens]").count() == 0


async def test_stopping_keeps_what_was_found(extension: Extension, site: Site) -> None:
    page = await opened(extension, site, "/many?stop")
    popup = await extension.popup(page)
    await popup.locator("#cancel").click()
    await expect(popup.locator("#status")).to_have_text("Stopped")
    await expect(popup.locator("#again")).to_be_visible()


async def test_what_the_browser_shows_is_sent_on_demand_only(extension: Extension, site: Site) -> None:
    page = await opened(extension, site, "/ward?seen")
    popup = await checked(extension, page)
    await popup.locator("#more summary").click()
    await popup.locator("#see").click()
    await expect(popup.locator("#see-text")).to_contain_text("No cookies")
    await popup.locator("#see-yes").click()
    await expect(popup.locator("#title")).to_have_text("9 files: 0.png, 1.png, 2.png, 3.png, 4.png, 5.png, 6.png, 7.png, 8.png")
    await expect(popup.locator("#status")).to_have_text("Done")
    await popup.locator("#mark").check()
    await page.bring_to_front()
    await expect(page.locator("[data-medlens]").first).to_be_visible()
