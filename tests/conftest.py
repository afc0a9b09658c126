"""What every test may ask for: the labelled images and hostile files beside the checkout, or a skip that says why."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder beside the checkout with `data/` and `corpora/`; the suite passes without it."""
    if not (SHARED / "data" / "samples").is_dir():
        pytest.skip(f"no labelled images or hostile files beside the checkout ({SHARED.name}/)")
    return SHARED
