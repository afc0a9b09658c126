"""What stands with an image, kept with the scan that saw it: read back, counted, filtered, overruled by a person, erased."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import text

from server.contract.records import JudgedImage
from server.contract.verdict import Context, Medical
from server.store import corrections, deletion, history, scans, verdicts
from server.store.database import Database
from server.store.filters import Filters
from tests.judged import MODEL, digest
from tests.store.conftest import Judge

SAYS_CT = Context("ct", True, "Axial CT", "caption", True)


def joined(one: JudgedImage, context: Context = SAYS_CT, **changes: object) -> JudgedImage:
    return replace(one, joined=replace(one.verdict, context=context, **changes))  # type: ignore[arg-type]


async def finished(database: Database, *images: JudgedImage) -> object:
    scan = await scans.create(database, kind="page", target="x")
    await scans.start(database, scan, MODEL)
    await scans.finish(database, scan, status="done", images=images)
    return scan


async def test_the_joined_answer_reads_back_and_the_cached_one_is_the_images_own(database: Database, judge: Judge) -> None:
    settled = joined(
        judge("a", "mri", 0.6, uncertain=True),
        modality="ct",
        confidence=0.98,
        sure=True,
        medical=Medical(0.99, True),
        contains=("ct",),
    )
    scan = await finished(database, settled)
    [shown] = (await scans.report(database, scan)).images  # type: ignore[arg-type]
    assert shown.verdict == settled.joined
    cached = (await verdicts.lookup(database, [digest("a")], MODEL))[digest("a")]
    assert (cached.verdict.modality, cached.verdict.uncertain, cached.verdict.context) == ("mri", True, None)


async def test_counts_and_filters_follow_the_joined_answer(database: Database, judge: Judge) -> None:
    settled = joined(judge("a", "mri", 0.6, uncertain=True), modality="ct", confidence=0.98, sure=True, medical=Medical(0.99, True))
    contradicted = joined(judge("b", "mri", 0.99), replace(SAYS_CT, agrees=False))
    one, other = await finished(database, settled), await finished(database, contradicted, judge("c"))
    entries = {entry.id: entry for entry in (await history.page(database)).entries}
    assert (entries[one].uncertain, entries[one].by_modality["ct"], entries[one].context_disagreeing) == (0, 1, 0)  # type: ignore[index]
    assert (entries[other].by_modality["mri"], entries[other].context_disagreeing) == (1, 1)  # type: ignore[index]
    filtered = await history.page(database, Filters(context_disagreeing=True))
    assert [entry.id for entry in filtered.entries] == [other]


async def test_a_correction_overrules_it_and_the_context_stays_beside(database: Database, judge: Judge) -> None:
    scan = await finished(database, joined(judge("b", "mri", 0.99), replace(SAYS_CT, agrees=False)))
    await corrections.correct(database, digest("b"), "ct")
    [shown] = (await scans.report(database, scan)).images  # type: ignore[arg-type]
    assert (shown.verdict.modality, shown.verdict.corrected, shown.verdict.uncertain) == ("ct", True, False)
    assert shown.verdict.context == SAYS_CT
    [entry] = (await history.page(database)).entries
    assert entry.context_disagreeing == 0


async def test_it_is_erased_with_its_scan(database: Database, judge: Judge) -> None:
    scan = await finished(database, joined(judge("a")))
    await deletion.delete_scans(database, [scan])  # type: ignore[list-item]
    async with database.begin() as connection:
        await connection.execute(text("UPDATE scans SET deleted_at = now() - interval '1 day'"))
    await deletion.purge(database)
    async with database.begin() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM scan_images")) == 0
        assert await connection.scalar(text("SELECT count(*) FROM scan_events WHERE data::text LIKE '%Axial CT%'")) == 0
    kept = (await verdicts.lookup(database, [digest("a")], MODEL))[digest("a")]
    assert kept.verdict.context is None
