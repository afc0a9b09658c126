"""From URL or file to Report, without fakes."""

from __future__ import annotations

import io
from pathlib import Path
from uuid import UUID

import pymupdf
from PIL import Image
from pydicom.data import get_testdata_file

from server.contract.modalities import MODALITIES
from server.scan.resources import ScanResources
from server.store import events
from server.store.database import Database
from tests.scan.conftest import Run
from tests.site import Site, page, picture


def scan_of(name: str) -> bytes:
    """A real CT or MR slice that the pydicom wheel ships, as PNG."""
    import pydicom
    from pydicom.pixels import apply_windowing

    dataset = pydicom.dcmread(get_testdata_file(name, download=False))
    pixels = apply_windowing(dataset.pixel_array, dataset).astype(float)
    low, high = pixels.min(), pixels.max()
    image = Image.fromarray(((pixels - low) / (high - low) * 255).astype("uint8")).resize((320, 320))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


async def test_a_page_becomes_a_report(site: Site, run: Run) -> None:
    slice_ = scan_of("CT_small.dcm")
    site.add("/ct.png", slice_, "image/png")
    site.add("/photo.jpg", picture("JPEG", (400, 300), 7), "image/jpeg")
    site.add("/pixel.gif", picture("GIF", (1, 1)), "image/gif")
    body = '<img src="/ct.png" alt="A slice"><img src="/photo.jpg"><img src="/ct.png" alt="Again"><img src="/pixel.gif">'
    report = await run(site.add("/index.html", page(body, title="Two images")))

    assert (report["status"], report["error"]) == ("done", None)
    assert report["source"] == {"target": site.url("/index.html"), "kind": "page", "title": "Two images"}
    assert report["counts"]["unique"] == 2
    assert report["counts"]["skipped"] == {"too_small": 1}
    assert report["counts"]["found"] == 4
    ct, photo = report["images"]
    assert [place["alt"] for place in ct["places"]] == ["A slice", "Again"]
    assert all(place["kind"] == "img" and place["box"] for place in ct["places"] + photo["places"])
    assert (ct["width"], ct["height"], ct["bytes"]) == (320, 320, len(slice_))
    for image in report["images"]:
        verdict = image["verdict"]
        assert set(verdict["probabilities"]) == set(MODALITIES)
        assert abs(sum(verdict["probabilities"].values()) - 1) < 1e-6
        assert verdict["modality"] == max(verdict["probabilities"], key=verdict["probabilities"].__getitem__)
        assert verdict["model_version"] == report["model_version"]
        assert verdict["members"]
    assert ct["verdict"]["is_medical"]
    assert not photo["verdict"]["is_medical"]
    assert all(report["timings_ms"][stage] for stage in ("fetch", "render", "decode", "classify", "store", "total"))


async def test_a_second_scan_runs_no_model_and_decodes_nothing(site: Site, run: Run, resources: ScanResources) -> None:
    big = Image.open(io.BytesIO(picture("PNG", (600, 450), 3)))
    small = io.BytesIO()
    big.convert("RGB").resize((300, 225), Image.Resampling.LANCZOS).save(small, "JPEG", quality=85)
    site.add("/big.png", picture("PNG", (600, 450), 3), "image/png")
    site.add("/small.jpg", small.getvalue(), "image/jpeg")
    address = site.add("/copies.html", page('<img src="/big.png"><img src="/small.jpg">'))
    first = await run(address)
    second = await run(address)

    assert (first["error"], second["error"]) == (None, None)
    assert first["counts"] | {"cached": 1} == second["counts"]
    assert first["counts"]["unique"] == 1
    assert [image["near_duplicate_of"] is None for image in first["images"]] == [True, False]
    assert first["images"][0]["verdict"]["modality"] == first["images"][1]["verdict"]["modality"]
    assert all(image["verdict"]["cached"] for image in second["images"])
    assert second["timings_ms"]["decode"] == second["timings_ms"]["classify"] == 0
    assert {image["sha256"]: image["near_duplicate_of"] for image in first["images"]} == {
        image["sha256"]: image["near_duplicate_of"] for image in second["images"]
    }
    third = await run(address, no_cache=True)
    assert third["timings_ms"]["decode"] and third["timings_ms"]["classify"]


async def test_a_pdf_becomes_a_report(site: Site, run: Run) -> None:
    document = pymupdf.open()
    jpeg = picture("JPEG", (320, 240), 5)
    for number in range(3):
        sheet = document.new_page()
        sheet.insert_text((72, 60), f"Page {number + 1}")
        if number:
            sheet.insert_image((72, 100, 392, 340), stream=jpeg if number == 1 else scan_of("CT_small.dcm"))
    document.set_metadata({"title": "A paper"})
    report = await run(site.add("/paper.pdf", document.tobytes(), "application/pdf"))

    assert (report["status"], report["source"]["kind"], report["source"]["title"]) == ("done", "pdf", "A paper")
    photo, ct = report["images"]
    assert [image["places"][0]["page"] for image in report["images"]] == [2, 3]
    assert photo["places"][0]["box"] == [72, 100, 320, 240]
    assert photo["bytes"] == len(jpeg)  # the stream passed through unchanged
    assert ct["verdict"]["is_medical"]


async def test_a_dicom_file_shows_its_own_modality_beside_the_verdict(run: Run) -> None:
    report = await run(str(get_testdata_file("CT_small.dcm", download=False)))
    assert (report["status"], report["source"]["kind"]) == ("done", "dicom")
    assert report["images"][0]["places"][0]["tag"] == "CT"
    assert report["images"][0]["verdict"]["is_medical"]


async def test_a_folder_is_its_files_and_one_that_is_broken_does_not_end_it(tmp_path: Path, run: Run) -> None:
    (tmp_path / "a.png").write_bytes(picture("PNG", (200, 200), 1))
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "b.jpg").write_bytes(picture("JPEG", (300, 200), 2))
    (tmp_path / "c.pdf").write_bytes(b"%PDF-1.7\nnot one")
    (tmp_path / "notes.txt").write_text("no image")
    report = await run(str(tmp_path))
    assert report["status"] == "partial"
    assert [image["places"][0]["url"] for image in report["images"]] == ["a.png", "below/b.jpg"]
    assert report["counts"]["skipped"] == {"unreadable": 1}
    codes = [(notice["code"], notice["message"].partition(":")[0]) for notice in report["notices"]]
    assert codes == [("damaged", "c.pdf"), ("unknown_kind", "notes.txt"), ("unreadable", "1 of 3 images was not read")]
    assert "c.pdf" in report["error"]["message"]


async def test_events_report_what_was_found_and_each_verdict(site: Site, run: Run, database: Database) -> None:
    for number in range(3):
        site.add(f"/{number}.png", picture("PNG", (220, 180), number * 11), "image/png")
    report = await run(site.add("/three.html", page(*(f'<img src="/{number}.png">' for number in range(3)))))
    told = await events.since(database, UUID(report["id"]))
    kinds = [event.kind for event in told]
    assert kinds[:2] == ["status", "status"]
    assert kinds[-1] == "done"
    assert "found" in kinds
    assert {event.data["sha256"] for event in told if event.kind == "verdict"} == {image["sha256"] for image in report["images"]}


async def test_a_compound_figure_has_a_verdict_for_each_panel(site: Site, run: Run) -> None:
    figure = Image.new("RGB", (700, 340), "white")
    for left, name in ((10, "CT_small.dcm"), (370, "MR_small.dcm")):
        figure.paste(Image.open(io.BytesIO(scan_of(name))).convert("RGB"), (left, 10))
    out = io.BytesIO()
    figure.save(out, "PNG")
    site.add("/figure.png", out.getvalue(), "image/png")
    (image,) = (await run(site.add("/paper.html", page('<img src="/figure.png">'))))["images"]
    first, second = image["panels"]
    assert abs(first["box"][0] - 10) < 8
    assert abs(second["box"][0] - 370) < 8
    assert first["verdict"]["is_medical"]
    assert image["verdict"]["is_medical"]
