"""What is taken away of a scan or a collection: tables, ZIP, COCO manifest, citations, and a folder of HTML without a server."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from playwright.async_api import Browser, Page, expect

from server.contract.records import JudgedImage, Panel, Place
from server.contract.verdict import Context
from server.store import collection_items, collections, tags
from server.store.database import Database
from server.store.tags import Marked
from server.web.api.exports import COLUMNS
from server.web.files import share
from tests.judged import digest, judged, verdict
from tests.web.conftest import Client, refusal, scanned, webp
from tests.web.tabs import DESK, PHONE, axe_finds, needs_axe, sideways

SECRET = "https://user:secret@example.org/essay?token=classified#part"
EVIL = "<script>document.title='owned'</script> 100 % \\ {x} & [y](z)"


def images() -> list[JudgedImage]:
    panels = (Panel((0, 0, 320, 480), verdict("ct")), Panel((320, 0, 320, 480), verdict("mri")))
    said = Context("ct", True, EVIL, "caption", True)
    place = Place("https://user:secret@example.org/a.png?token=classified", "img", alt="alternative", box=(0, 0, 90, 90))
    figure = judged("a", "ct", contains=("ct", "mri"), panels=panels, places=(place,), thumbnail=webp())
    return [
        replace(figure, joined=replace(figure.verdict, context=said)),
        judged("b", "ct", near="a", thumbnail=webp(91)),
        judged("c", "non_medical", thumbnail=webp(200)),
        judged("d", "mri", uncertain=True, alt="An open case"),
    ]


async def filled(kept: Database) -> tuple[UUID, UUID]:
    """A collection of the images a and c, noted and tagged, and their scan."""
    scan_id = await scanned(kept, *images(), url=SECRET, title=f"Essay {EVIL}")
    one = await collections.create(kept, "Atlas")
    await collection_items.add(kept, one.id, shas=[digest("c"), digest("a")], found_in=scan_id)
    await tags.set_tags(kept, Marked(sha256=digest("a")), ["private tag"])
    await tags.set_note(kept, Marked(sha256=digest("a")), "private note")
    return one.id, scan_id


async def unpacked(client: Client, path: str) -> dict[str, bytes]:
    answer = await client.get(path)
    assert answer.status == 200
    with zipfile.ZipFile(io.BytesIO(await answer.read())) as whole:
        return {name: whole.read(name) for name in whole.namelist()}


async def test_a_collection_as_tables_and_as_a_zip(client: Client, kept: Database) -> None:
    one, _ = await filled(kept)
    answer = await client.get(f"/api/collections/{one}/export.csv")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="medlens-{one.hex[:8]}.csv"'
    rows = list(csv.DictReader(io.StringIO(await answer.text())))
    assert [(row["sha256"], row["tags"], row["note"]) for row in rows] == [
        (digest("c"), "", ""), (digest("a"), "private tag", "private note"),
    ]  # fmt: skip
    exported = await (await client.get(f"/api/collections/{one}/export.json")).json()
    assert [image["sha256"] for image in exported] == [digest("c"), digest("a")]
    files = await unpacked(client, f"/api/collections/{one}/export.zip")
    assert {f"non_medical/0001_{digest('c')[:12]}.webp", f"ct/0002_{digest('a')[:12]}.webp"} < files.keys()
    table = list(csv.reader(io.StringIO(files["images.csv"].decode())))
    assert table[0] == ["file", *COLUMNS]
    assert [row[0] in files for row in table[1:]] == [True, True]
    assert b"Atlas" in files["README.txt"]


async def test_the_manifest_has_the_boxes_of_panels_and_whole_images(client: Client, kept: Database) -> None:
    one, scan_id = await filled(kept)
    for path, names in ((f"collections/{one}", "ca"), (f"scans/{scan_id}", "ad")):
        found = json.loads(await (await client.get(f"/api/{path}/coco.json")).text())
        assert [image["sha256"] for image in found["images"]] == [digest(name) for name in names]
        assert [image["id"] for image in found["images"]] == [1, 2]
        categories = {category["id"]: category["name"] for category in found["categories"]}
        figure = next(image for image in found["images"] if image["sha256"] == digest("a"))
        boxes = [
            (categories[each["category_id"]], each["bbox"]) for each in found["annotations"] if each["image_id"] == figure["id"]
        ]
        assert boxes == [("ct", [0, 0, 320, 480]), ("mri", [320, 0, 320, 480])]
        assert [each["id"] for each in found["annotations"]] == [1, 2, 3]
        whole = next(each for each in found["annotations"] if each["image_id"] != figure["id"])
        assert (whole["bbox"], whole["panel"]) == ([0, 0, 640, 480], False)
        assert figure["coco_url"] == "https://example.org/a.png?token=classified"
    empty = (await collections.create(kept, "empty")).id
    assert json.loads(await (await client.get(f"/api/collections/{empty}/coco.json")).text())["annotations"] == []


async def test_citations_in_three_forms(client: Client, kept: Database) -> None:
    one, _ = await filled(kept)
    chosen, figure = json.loads(await (await client.get(f"/api/collections/{one}/citations.json")).text())
    assert (chosen["title"], figure["title"], figure["type"]) == ("A scan", EVIL, "graphic")
    assert (figure["URL"], figure["container-title"]) == ("https://example.org/essay?token=classified", f"Essay {EVIL}")
    assert len(figure["accessed"]["date-parts"][0]) == 3
    bib = await (await client.get(f"/api/collections/{one}/citations.bib")).text()
    assert bib.count("@misc{medlens-") == 2
    assert r"title = {<script>document.title='owned'</script> 100 \% \textbackslash{} \{x\} \& [y](z)}" in bib
    listed = (await (await client.get(f"/api/collections/{one}/citations.md")).text()).splitlines()
    assert len(listed) == 2
    assert listed[1].startswith(r"- [\<script\>document.title='owned'\</script\> 100 % \\ \{x\} & \[y\](z)](<https://example.org/")
    empty = (await collections.create(kept, "empty")).id
    assert json.loads(await (await client.get(f"/api/collections/{empty}/citations.json")).text()) == []


async def test_a_shared_folder_holds_nothing_private(client: Client, kept: Database) -> None:
    one, scan_id = await filled(kept)
    files = await unpacked(client, f"/api/collections/{one}/share.zip")
    assert files.keys() == {
        "style.css", "index.html", "index.de.html", *(f"images/{digest(name)[:16]}.webp" for name in "ac"),
    }  # fmt: skip
    for name in ("index.html", "index.de.html"):
        html = files[name].decode()
        for hidden in ("secret", "classified", "token", "private", "#part", "<script"):
            assert hidden not in html, (name, hidden)
        assert 'href="https://example.org/essay"' in html
    assert "belong to their owners" in files["index.html"].decode()
    assert "gehören ihren Eigentümern" in files["index.de.html"].decode()
    of_scan = await unpacked(client, f"/api/scans/{scan_id}/share.zip")
    assert {name for name in of_scan if name.startswith("images/")} == {f"images/{digest('a')[:16]}.webp"}  # d has no copy
    assert of_scan["index.html"].decode().count("<li>") == 2


async def test_what_is_not_there(client: Client) -> None:
    for name in ("share.zip", "coco.json", "citations.bib"):
        for what in ("scans", "collections"):
            assert await refusal(await client.get(f"/api/{what}/{uuid4()}/{name}")) == (404, "not_found")


@needs_axe
async def test_a_shared_folder_opens_from_a_disk_without_scripts(
    client: Client, kept: Database, chromium: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(share, "PAGE", 1)
    one, _ = await filled(kept)
    for name, data in (await unpacked(client, f"/api/collections/{one}/share.zip")).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    context = await chromium.new_context(java_script_enabled=False, viewport=DESK)  # type: ignore[arg-type]
    plain = await context.new_page()
    asked: list[str] = []
    plain.on("request", lambda request: asked.append(request.url))
    await plain.goto((tmp_path / "index.html").as_uri())
    await expect(plain.get_by_role("heading", level=1)).to_have_text("Atlas")
    await plain.get_by_role("link", name="Next").click()
    await expect(plain.locator("figcaption")).to_contain_text("Figure with CT and MRI")
    await plain.get_by_role("link", name="Deutsch").click()
    await expect(plain.locator("figcaption")).to_contain_text("CT")
    assert plain.url.endswith("page-2.de.html")
    assert asked
    assert all(address.startswith(tmp_path.as_uri()) for address in asked)
    await context.close()
    context = await chromium.new_context(viewport=DESK)  # type: ignore[arg-type]
    page: Page = await context.new_page()
    for size in (DESK, PHONE):
        await page.set_viewport_size(size)  # type: ignore[arg-type]
        await page.goto((tmp_path / "page-2.html").as_uri())
        assert await page.locator("img").evaluate("(image) => image.complete && image.naturalWidth > 0")
        assert await axe_finds(page) == []
        assert not await sideways(page)
    await context.close()
