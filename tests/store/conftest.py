"""Records for the store's tests, made to order."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from server.records import JudgedImage
from tests.judged import judged

Judge = Callable[..., JudgedImage]


@pytest.fixture
def judge() -> Judge:
    """judge(name, modality, ...) -> an image whose bytes are `name`, with a verdict."""
    return judged
