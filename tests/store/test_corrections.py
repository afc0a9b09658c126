"""A person's correction: overrides everywhere at once, can be undone, is kept."""

from __future__ import annotations

import asyncio

import pytest

from server.contract.errors import NotFound, RequestError
from server.contract.modalities import MODALITIES
from server.store import corrections, history, labelled, scans, stats, verdicts
from server.store.database import Database
from server.store.filters import Filters
from tests.judged import MODEL, digest
from tests.store.conftest import Judge


async def test_a_correction_overrides_the_answer_everywhere(database: Database, judge: Judge) -> None:
    ids = []
    for _ in range(2):
        ids.append(await scans.create(database, kind="page", target="x"))
        await scans.finish(
            database, ids[-1], status="done", images=[judge("a", "ct", uncertain=True), judge("b", "ct", near="a", cached=True)]
        )
    shown = await corrections.correct(database, digest("a"), "mri")
    assert (shown.verdict.modality, shown.verdict.corrected, shown.verdict.uncertain) == ("mri", True, False)
    assert shown.verdict.probabilities["ct"] == 0.9
    cached = await verdicts.lookup(database, [digest("a")], MODEL)
    assert cached[digest("a")].verdict.modality == "mri"
    for scan in ids:
        assert [one.verdict.modality for one in (await scans.report(database, scan)).images] == ["mri", "mri"]
    for entry in (await history.page(database, Filters(corrected=True, modality="mri"))).entries:
        assert (entry.by_modality["ct"], entry.by_modality["mri"], entry.uncertain, entry.corrected) == (0, 1, 0, 1)


async def test_a_corrected_answer_is_never_taken_for_the_models(database: Database, judge: Judge) -> None:
    first, second = [await scans.create(database, kind="page", target="x") for _ in range(2)]
    await scans.add_images(database, first, [judge("a", "ct")])
    await corrections.correct(database, digest("a"), "non_medical")
    recalled = await verdicts.lookup(database, [digest("a")], MODEL)
    await scans.finish(database, second, status="done", images=list(recalled.values()))
    await corrections.undo(database, digest("a"))
    assert (await scans.report(database, second)).images[0].verdict.modality == "ct"


async def test_corrections_are_undone_one_by_one_and_kept(database: Database, judge: Judge) -> None:
    scan = await scans.create(database, kind="page", target="x")
    await scans.finish(database, scan, status="done", images=[judge("a", "ct")])
    await corrections.correct(database, digest("a"), "mri")
    await corrections.correct(database, digest("a"), "xray")
    assert [(one.modality, one.previous) for one in await corrections.corrections(database)] == [("xray", "mri"), ("mri", "ct")]
    assert (await corrections.undo(database, digest("a"))).verdict.modality == "mri"
    last = await corrections.undo(database, digest("a"))
    assert (last.verdict.modality, last.verdict.corrected) == ("ct", False)
    assert (await history.page(database)).entries[0].corrected == 0
    with pytest.raises(NotFound):
        await corrections.undo(database, digest("a"))


async def test_a_figure_of_several_modalities_teaches_only_that_it_is_not_medical(database: Database, judge: Judge) -> None:
    figures = [judge(name, "ct", contains=("ct", "mri")) for name in ("figure", "advert")]
    scan = await scans.create(database, kind="page", target="x")
    await scans.finish(database, scan, status="done", images=[*figures, judge("one", "ct")])
    for name, label in [("figure", "mri"), ("advert", "non_medical"), ("one", "mri")]:
        await corrections.correct(database, digest(name), label)
    learned = {one.sha256: one.label for one in await labelled.labelled_predictions(database, [MODEL])}
    assert learned == {digest("advert"): "non_medical", digest("one"): "mri"}


async def test_what_cannot_be_corrected_is_refused(database: Database, judge: Judge) -> None:
    with pytest.raises(NotFound):
        await corrections.correct(database, digest("unknown"), "ct")
    with pytest.raises(RequestError):
        await corrections.correct(database, digest("a"), "banana")
    with pytest.raises(RequestError):
        await corrections.correct(database, "not a hash", "ct")


async def test_many_corrections_at_once(database: Database, judge: Judge) -> None:
    scan = await scans.create(database, kind="page", target="x")
    images = [judge(str(number), "ct") for number in range(12)]
    await scans.finish(database, scan, status="done", images=images)
    await asyncio.gather(*(corrections.correct(database, one.image.sha256, MODALITIES[n % 6]) for n, one in enumerate(images)))
    (entry,) = (await history.page(database)).entries
    assert set(entry.by_modality.values()) == {2}
    figures = await stats.figures(database)
    assert (figures.corrections.images, figures.corrections.confirmed) == (12, 2)
