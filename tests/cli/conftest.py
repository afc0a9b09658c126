"""The environment of commands that tests run in processes of their own, on a data folder that the tests of a file share."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.short_folder import short_folder


@pytest.fixture(scope="module")
def environment() -> Iterator[dict[str, str]]:
    """Settings of the person who runs the tests do not count, but for the members that are to vote."""
    with short_folder() as folder:
        kept = {name: value for name, value in os.environ.items() if name == "MEDLENS_MEMBERS" or not name.startswith("MEDLENS_")}
        yield kept | {"MEDLENS_DATA_DIR": str(folder / "data")}
