"""What a reader sees with an image on a page: which words are collected, and which are left out."""

from __future__ import annotations

from server.contract.records import Place
from server.extract.browser import Browser
from tests.extract.conftest import look, loopback
from tests.site import Site, page, picture

WIDE = "<style>img { width: 200px; height: 160px }</style>"


async def texts_beside(body: str, browser: Browser, site: Site, **settings: object) -> dict[str, str]:
    """The words beside /scan.png, by source."""
    place = await place_of(body, browser, site, **settings)
    return {text.source: text.text for text in place.texts}


async def place_of(body: str, browser: Browser, site: Site, **settings: object) -> Place:
    data = picture("PNG", (200, 160), 3)
    site.add("/scan.png", data, "image/png")
    site.add_picture("/other.png", seed=5)
    url = site.add("/page.html", page(WIDE, body, title="A page"))
    [place, *_] = (await look(browser, url, loopback(**settings))).places(data)
    return place


async def test_a_figures_caption_is_taken_and_the_paragraph_is_not(browser: Browser, site: Site) -> None:
    body = "<h2>Case 1</h2><figure><img src=/scan.png><figcaption>Axial <b>CT</b></figcaption></figure><p>Next, the history.</p>"
    assert await texts_beside(body, browser, site) == {"caption": "Axial CT", "heading": "Case 1"}


async def test_the_paragraph_below_is_taken_before_the_one_above(browser: Browser, site: Site) -> None:
    body = "<h2>Case 1</h2><p>Above.</p><p><img src=/scan.png></p><p>Sagittal MRI of the spine.</p>"
    assert (await texts_beside(body, browser, site))["paragraph"] == "Sagittal MRI of the spine."


async def test_a_numbered_paragraph_is_a_caption(browser: Browser, site: Site) -> None:
    assert (await texts_beside("<div><img src=/scan.png></div><p>Abb. 3: Sonographie</p>", browser, site)) == {
        "caption": "Abb. 3: Sonographie"
    }


async def test_a_card_has_its_own_heading_although_it_stands_below(browser: Browser, site: Site) -> None:
    body = "<h2>Before</h2><div><img src=/other.png><h3>X-ray</h3></div><div><img src=/scan.png><h3>Ultrasound</h3></div>"
    assert (await texts_beside(body, browser, site))["heading"] == "Ultrasound"


async def test_a_links_words_are_taken(browser: Browser, site: Site) -> None:
    assert (await texts_beside("<a href=/more><img src=/scan.png> MRI of the knee</a>", browser, site))["link"] == "MRI of the knee"


async def test_described_by_is_a_caption(browser: Browser, site: Site) -> None:
    body = '<img src=/scan.png aria-describedby=d><div style="height: 900px"></div><p id=d>Fundus photograph</p>'
    assert (await texts_beside(body, browser, site))["caption"] == "Fundus photograph"


async def test_menus_heads_and_feet_say_nothing(browser: Browser, site: Site) -> None:
    menu = "<nav><h2>MRI</h2><ul><li>CT<li>Ultrasound</ul></nav>"
    assert await texts_beside(f"{menu}<div><img src=/scan.png></div>{menu}<footer>MRI centre</footer>", browser, site) == {}
    assert await texts_beside(f"<nav><h2>MRI</h2><a href=/><img src=/scan.png>MRI</a></nav>{menu}", browser, site) == {}


async def test_a_paragraph_far_away_or_with_images_of_its_own_is_not_its_text(browser: Browser, site: Site) -> None:
    far = '<div><img src=/scan.png></div><div style="height: 400px"></div><p>CT of another case</p>'
    assert "paragraph" not in await texts_beside(far, browser, site)
    assert "paragraph" not in await texts_beside("<div><img src=/scan.png></div><p><img src=/other.png>CT of it</p>", browser, site)


async def test_hostile_texts_come_bounded_and_plain(browser: Browser, site: Site) -> None:
    words = "MRI \u202e\u0007 &lt;script&gt; " * 20_000
    body = f"<figure><img src=/scan.png><figcaption>{words}</figcaption></figure>"
    [caption] = (await place_of(body, browser, site)).texts
    assert len(caption.text) <= 500
    assert caption.text.isprintable() and "<script>" in caption.text


async def test_with_context_off_nothing_is_collected(browser: Browser, site: Site) -> None:
    assert (
        await place_of("<figure><img src=/scan.png><figcaption>CT</figcaption></figure>", browser, site, context="off")
    ).texts == ()
