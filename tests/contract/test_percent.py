"""One rule for percentages: the same shares in Python, and in the script that dashboard and extension share."""

from __future__ import annotations

import pytest

from server.contract.percent import percent
from tests.node import ROOT, evaluate

WHOLE = {
    0.0: 0, 0.004: 0, 0.005: 1, 0.125: 13, 0.135: 14, 0.285: 28, 0.5: 50, 0.985: 99, 0.994: 99, 0.996: 99,
    0.99999: 99, 1.0: 100, 1.1: 100,
}  # fmt: skip


@pytest.mark.parametrize("script", ["server/web/static/shared/percent.js", "extension/shared/percent.js"])
def test_python_and_the_scripts_round_alike(script: str) -> None:
    assert [percent(share) for share in WHOLE] == [f"{whole} %" for whole in WHOLE.values()]
    assert evaluate(ROOT / script, "given.map(m.wholePercent)", list(WHOLE)) == list(WHOLE.values())


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, "0.0 %"), (0.5, "50.0 %"), (0.12345, "12.3 %"), (0.9994, "99.9 %"), (0.99999, "99.9 %"), (1.0, "100.0 %")],
)
def test_decimals_are_not_rounded_up_to_certainty_either(share: float, text: str) -> None:
    assert percent(share, 1) == text


def test_nobody_else_rounds_a_share() -> None:
    """A second rule would sooner or later round 99.6 % to 100."""
    files = [file for folder in ("server/web", "server/cli", "extension") for file in (ROOT / folder).rglob("*")]
    for file in files:
        if file.suffix in {".js", ".py", ".html"} and file.name != "percent.js":
            text = file.read_text(encoding="utf-8")
            assert "Math.min(99" not in text and "min(99" not in text and ":.0%" not in text, file
