"""A share of 1 as a percentage for people. static/shared/percent.js is the same rule for the dashboard and the extension."""

from __future__ import annotations

from math import floor


def percent(share: float, digits: int = 0) -> str:
    """`share` with `digits` decimals, halves rounded up; below 1 never rounded up to certainty: "99 %", "99.9 %"."""
    steps = 10**digits
    whole = floor(share * 100 * steps + 0.5) if share < 1 else 100 * steps
    return f"{min(whole, 100 * steps - (share < 1)) / steps:.{digits}f} %"
