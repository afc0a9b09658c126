"""What a person says of one image holds for its near duplicates, wherever and whenever they were met."""

from __future__ import annotations

from uuid import UUID

import pytest

from server.store import corrections, history, scans, sightings, stats, verdicts
from server.store.database import Database
from tests.judged import MODEL, digest
from tests.store.conftest import Judge


async def _scan(database: Database, *images: object) -> UUID:
    scan = await scans.create(database, kind="page", target="x")
    await scans.finish(database, scan, status="done", images=list(images))  # type: ignore[arg-type]
    return scan


async def _shown(database: Database, scan: UUID) -> dict[str, str]:
    return {one.image.sha256: one.verdict.modality for one in (await scans.report(database, scan)).images}


@pytest.fixture
async def family(database: Database, judge: Judge) -> tuple[UUID, UUID]:
    """`b` and `c` repeat `a` in one scan; in another, `b` stands alone."""
    together = await _scan(database, judge("a", "ct"), judge("b", near="a", cached=True), judge("c", near="a", cached=True))
    return together, await _scan(database, judge("b", "xray"))


@pytest.mark.parametrize("said_of", ["a", "b", "c"])
async def test_a_correction_reaches_all_of_a_family(database: Database, family: tuple[UUID, UUID], said_of: str) -> None:
    await corrections.correct(database, digest(said_of), "mri")
    together, alone = family
    assert set((await _shown(database, together)).values()) == {"mri"}
    assert set((await _shown(database, alone)).values()) == {"mri"}
    assert (await verdicts.lookup(database, [digest("b")], MODEL))[digest("b")].verdict.modality == "mri"
    assert (await sightings.image(database, digest("c"))).verdict.modality == "mri"
    assert {entry.by_modality["mri"] for entry in (await history.page(database)).entries} == {1}
    (one,) = await corrections.corrections(database)
    assert (one.sha256, one.reached) == (digest(said_of), 2)
    assert (await stats.figures(database)).corrections.images == 1  # a person looked at one image

    await corrections.undo(database, digest(said_of))
    assert await _shown(database, together) == {digest(name): "ct" for name in "abc"}
    assert await _shown(database, alone) == {digest("b"): "xray"}
    assert {entry.corrected for entry in (await history.page(database)).entries} == {0}


async def test_what_was_said_of_the_image_itself_wins(database: Database, family: tuple[UUID, UUID]) -> None:
    await corrections.correct(database, digest("b"), "ultrasound")
    await corrections.correct(database, digest("a"), "mri")
    assert await _shown(database, family[0]) == {digest("a"): "mri", digest("b"): "ultrasound", digest("c"): "mri"}
    await corrections.undo(database, digest("b"))
    assert (await sightings.image(database, digest("c"))).verdict.modality == "mri"


async def test_a_near_duplicate_may_be_let_go_alone_and_stays_so(
    database: Database, judge: Judge, family: tuple[UUID, UUID]
) -> None:
    await corrections.correct(database, digest("a"), "mri")
    await corrections.undo(database, digest("b"))
    assert await _shown(database, family[1]) == {digest("b"): "xray"}
    await _scan(database, judge("a", "ct", cached=True), judge("b", near="a", cached=True))
    assert await _shown(database, family[1]) == {digest("b"): "xray"}
    assert (await sightings.image(database, digest("a"))).verdict.modality == "mri"


async def test_a_near_duplicate_met_later_follows(database: Database, judge: Judge) -> None:
    await _scan(database, judge("a", "ct"))
    await corrections.correct(database, digest("a"), "mri")
    larger = await _scan(database, judge("big", "ct"), judge("a", "ct", near="big", cached=True))
    assert set((await _shown(database, larger)).values()) == {"mri"}
    (entry,) = (await history.page(database, limit=1)).entries
    assert (entry.by_modality["mri"], entry.corrected) == (1, 1)
    await corrections.undo(database, digest("a"))
    assert (await sightings.image(database, digest("big"))).verdict.modality == "ct"


async def test_one_step_only(database: Database, judge: Judge) -> None:
    await _scan(database, judge("a", "ct"), judge("b", near="a", cached=True))
    await _scan(database, judge("b", "ct"), judge("c", near="b", cached=True))
    await _scan(database, judge("c", "ct"), judge("d", near="c", cached=True))
    await corrections.correct(database, digest("a"), "mri")
    said = {name: (await sightings.image(database, digest(name))).verdict.modality for name in "abcd"}
    assert said == {"a": "mri", "b": "mri", "c": "ct", "d": "ct"}
