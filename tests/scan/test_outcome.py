"""What went wrong in a scan: the gravest is its error, all stands in its notices, and what is beyond their limit is counted."""

from __future__ import annotations

import pytest

from server.contract.records import ScanError
from server.scan.outcome import MAX_NOTICES, MORE, Problems, outcome_of
from tests.judged import judged


def test_every_notice_is_kept_in_order_and_the_gravest_is_the_error() -> None:
    problems = Problems()
    problems.add("robots_disallowed", "programs stay away", "remark")
    problems.add("damaged", "it breaks off")
    outcome = outcome_of("T", problems, ())
    assert outcome.error == ScanError("damaged", "it breaks off")
    assert [notice.code for notice in outcome.notices] == ["robots_disallowed", "damaged"]


def test_notices_beyond_the_limit_are_counted_by_code() -> None:
    problems = Problems()
    for number in range(MAX_NOTICES):
        problems.add("unknown_kind", f"file {number}", "remark")
    assert len(outcome_of(None, problems, ()).notices) == MAX_NOTICES
    for code in ("unknown_kind", "damaged", "unknown_kind"):
        problems.add(code, "one more", "remark")
    *told, last = outcome_of(None, problems, ()).notices
    assert len(told) == MAX_NOTICES
    assert last == ScanError(MORE, "and 3 more: 2 unknown_kind, 1 damaged")


@pytest.mark.parametrize(("images", "broken", "status"), [(62, 1, "done"), (19, 1, "done"), (18, 1, "partial"), (62, 4, "partial")])
def test_few_broken_images_among_many_are_a_notice_and_more_are_the_error(images: int, broken: int, status: str) -> None:
    problems = Problems()
    for _ in range(broken):
        problems.skip("broken")
    outcome = outcome_of(None, problems, [judged(f"{number}") for number in range(images)])
    were = "was" if broken == 1 else "were"
    words = ScanError("damaged", f"{broken} of {images + broken} images {were} not read: {broken} broken")
    assert (outcome.status, outcome.error) == (status, words if status == "partial" else None)
    assert outcome.notices == (words,)


def test_an_image_that_a_limit_left_out_is_a_loss_however_many_there_are() -> None:
    problems = Problems()
    problems.skip("too_many_pixels")
    problems.skip("broken")
    outcome = outcome_of(None, problems, [judged(f"{number}") for number in range(98)])
    assert outcome.status == "partial"
    assert outcome.error
    assert outcome.error.message == "2 of 100 images were not read: 1 too many pixels, 1 broken"


def test_video_is_a_loss_and_a_report_without_an_image_is_none() -> None:
    problems = Problems()
    problems.skip("no_image", "a structured report")
    assert outcome_of(None, problems, ()).status == "done"
    problems.skip("video", "video is not read")
    assert outcome_of(None, problems, ()).status == "partial"
