"""What went wrong in a scan: the gravest is its error, all stands in its notices, and what is beyond their limit is counted."""

from __future__ import annotations

from server.contract.records import ScanError
from server.scan.outcome import MAX_NOTICES, MORE, Problems, outcome_of


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


def test_video_is_a_loss_and_a_report_without_an_image_is_none() -> None:
    problems = Problems()
    problems.skip("no_image", "a structured report")
    assert outcome_of(None, problems, ()).status == "done"
    problems.skip("video", "video is not read")
    assert outcome_of(None, problems, ()).status == "partial"
