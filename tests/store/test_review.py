"""What a person is asked next: useful, each look once, gone when it is answered."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from server.contract.errors import NotFound
from server.store import corrections, review, scans
from server.store.database import Database
from server.store.review import Waiting, varied
from tests.judged import digest
from tests.store.conftest import Judge
from tests.store.seed import seed


async def _scan(database: Database, *images: object) -> None:
    scan = await scans.create(database, kind="page", target="https://example.org", title="Knee")
    await scans.finish(database, scan, status="done", images=list(images))  # type: ignore[arg-type]


async def _asked(database: Database, **options: object) -> list[str]:
    return [one.judged.image.sha256 for one in await review.next_questions(database, **options)]  # type: ignore[arg-type]


async def _forget_looks(database: Database) -> None:
    async with database.begin() as connection:
        await connection.execute(text("UPDATE review_queue SET phash = NULL"))


async def test_the_most_doubtful_comes_first_and_the_sure_never(database: Database, judge: Judge) -> None:
    images = [
        judge("sure", "ct", 0.99, thumbnail=b"webp"),
        judge("unseen", "ct", 0.4, uncertain=True),
        judge("unsure", "ct", 0.7, uncertain=True, thumbnail=b"webp"),
        judge("lost", "mri", 0.3, uncertain=True, thumbnail=b"webp"),
        judge("torn", "ct", 0.7, agree=False, thumbnail=b"webp"),
        judge("surely medical", "ct", 0.7, uncertain=True, medical_sure=True, thumbnail=b"webp"),
    ]
    await _scan(database, *images)
    await _forget_looks(database)
    assert await _asked(database) == [digest(name) for name in ("lost", "torn", "unsure", "surely medical")]
    assert await _asked(database, limit=1, without=[digest("lost")]) == [digest("torn")]
    (first, *_) = await review.next_questions(database)
    assert (first.name, first.judged.verdict.modality, first.scan_id is not None) == ("Knee", "mri", True)


async def test_an_answer_takes_it_off_and_undo_puts_it_back(database: Database, judge: Judge) -> None:
    await _scan(database, judge("a", "ct", 0.5, uncertain=True, thumbnail=b"webp"))
    assert await review.progress(database, datetime.now(UTC) - timedelta(hours=1)) == (1, 0)
    await corrections.correct(database, digest("a"), "ct")
    assert await _asked(database) == []
    assert await review.progress(database, datetime.now(UTC) - timedelta(hours=1)) == (0, 1)
    await corrections.undo(database, digest("a"))
    assert await _asked(database) == [digest("a")]


async def test_a_skipped_image_stays_out_until_it_is_brought_back(database: Database, judge: Judge) -> None:
    await _scan(database, judge("a", "ct", 0.5, uncertain=True, thumbnail=b"webp"))
    await review.skip(database, digest("a"))
    await _scan(database, judge("a", "ct", 0.5, uncertain=True, thumbnail=b"webp"))
    assert await _asked(database) == []
    await review.skip(database, digest("a"), skipped=False)
    assert await _asked(database) == [digest("a")]
    with pytest.raises(NotFound):
        await review.skip(database, digest("b"))


async def test_a_newer_model_that_is_sure_settles_it(database: Database, judge: Judge) -> None:
    await _scan(database, judge("a", "ct", 0.5, uncertain=True, thumbnail=b"webp"))
    await _scan(database, judge("a", "ct", 0.99, model_version="model-2", thumbnail=b"webp"))
    assert await _asked(database) == []


async def test_it_goes_with_its_picture(database: Database, judge: Judge) -> None:
    await _scan(database, judge("a", "ct", 0.5, uncertain=True, thumbnail=b"webp"))
    async with database.begin() as connection:
        await connection.execute(text("DELETE FROM thumbnails"))
    assert await _asked(database) == []


def test_each_look_is_handed_out_once_and_modalities_take_turns() -> None:
    pool = [Waiting(str(n), "ct", 1 - n / 100, 0b1 << n % 3) for n in range(6)]
    pool += [Waiting("far", "ct", 0.9, 0xFFFF_FFFF), Waiting("other", "mri", 0.85, 0xFFFF_0000_0000)]
    assert [one.sha256 for one in varied(pool, 3)] == ["0", "other", "far"]
    assert [one.sha256 for one in varied(pool, 1, [0])] == ["far"]
    assert len(varied(pool[:6], 4, [0])) == 4  # better look-alikes than nothing


async def test_the_next_image_is_one_probe_however_many_wait(database: Database) -> None:
    await seed(database, 2_000, images_each=5)
    async with database.begin() as connection:
        await connection.execute(text("INSERT INTO thumbnails (sha256, webp) SELECT sha256, '' FROM images"))
        await connection.execute(
            text("INSERT INTO review_queue SELECT sha256, 'model-1', 'ct', random(), NULL, now(), NULL FROM images")
        )
    async with database.engine.connect() as connection:
        await (await connection.execution_options(isolation_level="AUTOCOMMIT")).execute(text("VACUUM ANALYZE"))
    pool = "SELECT sha256 FROM review_queue WHERE skipped_at IS NULL ORDER BY score DESC, sha256 LIMIT 200"
    async with database.begin() as connection:
        for query, index in [(pool, "ix_review_queue_next"), (str(review.DETAILS), "pk_verdicts")]:
            shas = list((await connection.execute(text("SELECT sha256 FROM images LIMIT 12"))).scalars())
            values = {"shas": [bytes(sha) for sha in shas]} if ":shas" in query else {}
            plan = json.dumps(await connection.scalar(text(f"EXPLAIN (FORMAT JSON) {query}"), values))
            assert index in plan
            assert "Seq Scan" not in plan, plan
