"""A scan's life in a real database: what is written comes back as the same records."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from uuid import uuid4

import pytest

from server.contract.errors import NotFound
from server.contract.records import Panel, Place, ScanError
from server.contract.report import report_json
from server.store import deletion, requeue, scans, uploads, verdicts
from server.store.database import Database
from tests.judged import MODEL, digest, verdict
from tests.store.conftest import Judge


async def test_a_finished_scan_reads_back_as_it_was_written(database: Database, judge: Judge) -> None:
    scan = await scans.create(
        database, kind="page", target="example.org/x", url="https://example.org/x", options={"members": ["cnn"]}
    )
    asked = await scans.start(database, scan, MODEL)
    assert asked is not None
    assert (asked.kind, asked.url, asked.options) == ("page", "https://example.org/x", {"members": ["cnn"]})
    panels = (Panel((0, 0, 10.5, 20), verdict("mri", 0.8)), Panel((11, 0, 10, 20), verdict("non_medical", 0.7)))
    images = [
        judge("a", panels=panels, contains=("ct", "mri")),
        judge("b", "non_medical", 0.6, uncertain=True, medical_sure=False, agree=False),
        judge("d", "xray", 0.6, uncertain=True, medical_sure=True),
        judge("c", near="a", cached=True, contains=("ct", "mri")),
    ]
    await scans.add_images(database, scan, images[:1])
    await scans.finish(
        database, scan, status="partial", error=ScanError("timed_out", "too slow"), title="T", timings_ms={"total": 12.5},
        found=6, skipped={"too_small": 2}, images=images, notices=[ScanError("timed_out", "too slow"), ScanError("more", "1 more")],
    )  # fmt: skip
    report = await scans.report(database, scan)
    assert report.status == "partial"
    assert report.error == ScanError("timed_out", "too slow")
    assert report.notices == (ScanError("timed_out", "too slow"), ScanError("more", "1 more"))
    assert (report.title, report.found, report.skipped, report.timings_ms) == ("T", 6, {"too_small": 2}, {"total": 12.5})
    assert report.model_version == MODEL
    assert report.images == tuple(images)
    assert report.created_at <= (report.started_at or report.created_at) <= (report.finished_at or report.created_at)
    counts = report_json(report)["counts"]
    assert counts["unique"] == 3
    assert counts["by_modality"] == {"ct": 1, "non_medical": 1, "xray": 1}


async def test_a_second_scan_finds_every_answer_in_one_query(database: Database, judge: Judge) -> None:
    images = [judge(str(number), thumbnail=b"webp") for number in range(40)]
    scan = await scans.create(database, kind="page", target="x")
    await scans.add_images(database, scan, images)
    found = await verdicts.lookup(database, [one.image.sha256 for one in images] + [digest("unknown")], MODEL)
    assert len(found) == 40
    one = found[images[0].image.sha256]
    assert one.verdict == replace(images[0].verdict, cached=True)
    assert one.image == replace(images[0].image, places=())
    assert await verdicts.lookup(database, [images[0].image.sha256], "another model") == {}
    assert await verdicts.lookup(database, [], MODEL) == {}


async def test_a_verdict_is_written_once(database: Database, judge: Judge) -> None:
    scan = await scans.create(database, kind="page", target="x")
    await scans.add_images(database, scan, [judge("a", "ct")])
    await scans.add_images(database, scan, [judge("a", "mri")])
    assert (await verdicts.lookup(database, [digest("a")], MODEL))[digest("a")].verdict.modality == "ct"


async def test_a_near_duplicate_shares_its_originals_answer_within_the_scan_only(database: Database, judge: Judge) -> None:
    scan = await scans.create(database, kind="page", target="x")
    await scans.add_images(database, scan, [judge("a", "ct"), judge("b", "ct", near="a", cached=True)])
    assert [one.verdict.modality for one in (await scans.report(database, scan)).images] == ["ct", "ct"]
    assert digest("b") not in await verdicts.lookup(database, [digest("b")], MODEL)


async def test_the_grey_copy_is_kept_and_an_image_stored_without_one_gets_it(database: Database, judge: Judge) -> None:
    plain = judge("a")
    scan = await scans.create(database, kind="page", target="x")
    await scans.add_images(database, scan, [plain])
    [known] = (await verdicts.lookup(database, [digest("a")], MODEL)).values()
    assert known.image.grey == plain.image.grey
    grey = bytes(range(256)) * 4
    await scans.add_images(database, scan, [replace(plain, image=replace(plain.image, grey=grey))])
    [known] = (await verdicts.lookup(database, [digest("a")], MODEL)).values()
    assert known.image.grey == grey


async def test_a_scan_started_again_begins_anew(database: Database, judge: Judge) -> None:
    scan = await scans.create(database, kind="page", target="x")
    await scans.start(database, scan, MODEL)
    await scans.add_images(database, scan, [judge("a")])
    assert await scans.start(database, scan, MODEL) is not None
    assert (await scans.report(database, scan)).images == ()


async def test_a_scan_ends_once(database: Database) -> None:
    scan = await scans.create(database, kind="page", target="x")
    assert await requeue.cancel_queued(database, scan)
    assert not await requeue.cancel_queued(database, scan)
    assert await scans.start(database, scan) is None
    assert not await scans.finish(database, scan, status="done")
    assert await scans.status_of(database, scan) == "cancelled"


async def test_uploads_wait_for_the_worker_and_go_with_the_end(database: Database) -> None:
    scan = await scans.create(database, kind="pdf", target="two files", files=[("a\x00.pdf", b"%PDF\x00\xff"), (None, b"")])
    assert [(one.name, one.data) for one in await uploads.load(database, scan)] == [("a\ufffd.pdf", b"%PDF\x00\xff"), (None, b"")]
    await scans.finish(database, scan, status="done")
    assert await uploads.load(database, scan) == []


async def test_a_forgotten_scan_can_be_brought_back(database: Database) -> None:
    scan, other = [await scans.create(database, kind="page", target="x") for _ in range(2)]
    deleted = await deletion.delete_scans(database, [scan, uuid4()])
    assert (deleted.count, deleted.running) == (1, (scan,))
    with pytest.raises(NotFound):
        await scans.report(database, scan)
    assert await scans.start(database, scan) is None
    assert deleted.moment
    assert await deletion.restore(database, deleted.moment) == 1
    assert await scans.status_of(database, scan) == "queued"
    assert set((await deletion.delete_scans(database, None)).running) == {scan, other}


async def test_an_unknown_scan_is_not_found(database: Database, judge: Judge) -> None:
    with pytest.raises(NotFound):
        await scans.report(database, uuid4())
    with pytest.raises(NotFound):
        await scans.add_images(database, uuid4(), [judge()])
    assert not await scans.finish(database, uuid4(), status="done", images=[judge()])


async def test_hostile_text_is_kept_readable(database: Database, judge: Judge) -> None:
    hostile = "nul \x00 surrogate \ud800 quote ' \" -- ); DROP TABLE scans; <script>"
    kept = hostile.replace("\x00", "\ufffd").replace("\ud800", "\ufffd")
    place = Place(url=hostile, kind="img", alt=hostile, box=(float("nan"), 0, 1, 1))
    scan = await scans.create(database, kind="page", target=hostile, url=hostile, title=hostile * 100, options={hostile: [hostile]})
    await scans.add_images(database, scan, [judge(places=(place,))])
    await scans.finish(database, scan, status="failed", error=ScanError("internal", hostile))
    report = await scans.report(database, scan)
    assert report.target == kept
    assert report.error == ScanError("internal", kept)
    assert len(report.title or "") == scans.TITLE_CHARS
    assert report.images[0].image.places == (Place(url=kept, kind="img", alt=kept),)


async def test_scans_that_share_images_do_not_block_each_other(database: Database, judge: Judge) -> None:
    images = [judge(str(number)) for number in range(30)]
    both = [await scans.create(database, kind="page", target="x") for _ in range(4)]
    await asyncio.gather(
        *(scans.add_images(database, scan, images[::step]) for scan, step in zip(both, (1, -1, 1, -1), strict=True)),
        *(scans.finish(database, scan, status="done", images=images) for scan in both),
    )
    for scan in both:
        assert len((await scans.report(database, scan)).images) == 30
