from __future__ import annotations

import time

from server.scan.timings import Timings


def test_overlapping_work_counts_once() -> None:
    timings = Timings()
    with timings.measure("decode"), timings.measure("decode"):
        time.sleep(0.02)
    once = Timings()
    with once.measure("total"):
        with once.measure("decode"):
            time.sleep(0.02)
        with once.measure("decode"):
            time.sleep(0.02)
    spent = once.milliseconds()
    assert timings.milliseconds()["decode"] >= 20
    assert 40 <= spent["decode"] <= spent["total"]


def test_a_stage_that_never_ran_is_missing() -> None:
    timings = Timings()
    timings.add("queue", 0.5)
    assert timings.milliseconds() == {"queue": 500.0}
