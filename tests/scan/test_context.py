"""What a page says with its images, in the Report: joined, shown, bounded, switched off, never cached with the bytes."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from server.scan.resources import ScanResources
from server.store.database import Database
from tests.scan.conftest import Run
from tests.scan.test_walk import scan_of
from tests.site import Site, page, picture

OWN = ("modality", "is_medical", "confidence", "probabilities", "uncertain", "agree", "members", "model_version")


def own(verdict: dict[str, Any]) -> dict[str, Any]:
    return {name: verdict[name] for name in OWN}


def figure(src: str, caption: str) -> str:
    return f"<figure><img src={src} width=320><figcaption>{caption}</figcaption></figure>"


@pytest.fixture
def off(database: Database, resources: ScanResources) -> Any:
    """MEDLENS_CONTEXT=off for a while."""
    kept = resources.settings
    resources.settings = kept.model_copy(update={"context": "off"})
    database.with_context = False
    yield
    resources.settings, database.with_context = kept, True


async def test_a_caption_is_quoted_and_agrees(site: Site, run: Run) -> None:
    site.add("/7.png", scan_of("CT_small.dcm"), "image/png")
    report = await run(site.add("/index.html", page(figure("/7.png", "Figure 1: Axial CT of the chest"), title="Case 7")))
    verdict = report["images"][0]["verdict"]
    assert verdict["modality"] == "ct"
    assert verdict["context"] == {
        "modality": "ct",
        "sure": True,
        "quote": "Figure 1: Axial CT of the chest",
        "from": "caption",
        "agrees": True,
    }


async def test_context_is_of_the_place_and_not_cached_with_the_bytes(site: Site, run: Run) -> None:
    site.add("/7.png", scan_of("CT_small.dcm"), "image/png")
    first = await run(site.add("/1.html", page(figure("/7.png", "Axial CT"))))
    second = await run(site.add("/2.html", page(figure("/7.png", "Read more"))))
    third = await run(site.add("/3.html", page(figure("/7.png", "Sagittal T2-weighted MRI"))))
    answers = [report["images"][0]["verdict"] for report in (first, second, third)]
    assert [answer["cached"] for answer in answers] == [False, True, True]
    assert [answer["context"] and answer["context"]["modality"] for answer in answers] == ["ct", None, "mri"]
    assert answers[0]["probabilities"] == answers[1]["probabilities"] == answers[2]["probabilities"]
    assert [answer["context"] and answer["context"]["agrees"] for answer in answers] == [
        True,
        None,
        answers[2]["modality"] == "mri",
    ]


async def test_a_page_full_of_mri_does_not_make_a_picture_an_mri(site: Site, run: Run) -> None:
    for path in ("/9.jpg", "/mri.jpg"):
        site.add(path, picture("JPEG", (400, 300), 7), "image/jpeg")
    plain = await run(site.add("/plain.html", page("<img src=/9.jpg width=320>")))
    loud = "".join(f"<h2>MRI</h2><p>{'MRI ' * 300}</p>" for _ in range(20))
    shouted = await run(
        site.add("/loud.html", page(loud, f"<a href=/mri>{figure('/mri.jpg', 'MRI ' * 500)}</a>", loud, title="MRI " * 50))
    )
    [before], [after] = plain["images"], shouted["images"]
    assert not before["verdict"]["is_medical"]
    assert (after["verdict"]["modality"], after["verdict"]["is_medical"]) == ("non_medical", False)
    assert after["verdict"]["context"]["agrees"] is False
    assert len(after["verdict"]["context"]["quote"]) <= 200
    assert shouted["counts"]["medical"] == 0


async def test_off_gives_exactly_the_images_own_verdict(site: Site, run: Run, database: Database, off: None) -> None:
    site.add("/7.png", scan_of("CT_small.dcm"), "image/png")
    said = await run(site.add("/said.html", page(figure("/7.png", "Sagittal T2-weighted MRI"), title="MRI")), no_cache=True)
    silent = await run(site.add("/silent.html", page("<img src=/7.png width=320>")), no_cache=True)
    [one], [other] = said["images"], silent["images"]
    assert one["verdict"]["context"] is None
    assert own(one["verdict"]) == own(other["verdict"])
    async with database.begin() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM scan_images WHERE context IS NOT NULL")) == 0


async def test_what_is_kept_of_the_text_is_a_quote(site: Site, run: Run, database: Database) -> None:
    site.add("/7.png", scan_of("CT_small.dcm"), "image/png")
    secret = "Axial CT of the chest. " + "The patient had been to the seaside before. " * 8 + "Referred by the village doctor."
    await run(site.add("/index.html", page(f"<h1>Private heading</h1>{figure('/7.png', secret)}")))
    async with database.begin() as connection:
        [kept] = (await connection.execute(text("SELECT context::text || places::text FROM scan_images"))).scalars()
        events = " ".join((await connection.execute(text("SELECT data::text FROM scan_events"))).scalars())
    assert "Axial CT" in kept
    for words in ("village doctor", "Private heading"):
        assert words not in kept and words not in events


async def test_the_context_of_a_near_copy_is_that_of_the_image_it_repeats(site: Site, run: Run) -> None:
    import io

    from PIL import Image

    data = scan_of("CT_small.dcm")
    large = io.BytesIO()
    Image.open(io.BytesIO(data)).resize((480, 480)).save(large, "PNG")
    site.add("/small.png", data, "image/png")
    site.add("/large.png", large.getvalue(), "image/png")
    body = "<img src=/small.png>" + figure("/large.png", "Axial CT")
    report = await run(site.add("/index.html", page(body)))
    assert report["counts"]["unique"] == 1
    assert {image["verdict"]["context"]["modality"] for image in report["images"]} == {"ct"}
