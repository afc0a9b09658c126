"""Servers that are slow or stay silent: a download ends at its limit, and a fast one may be long."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from server.contract.errors import (
    TimedOut,
    TooLarge,
)
from server.settings import Settings
from server.source import fetch
from server.source.fetch import Fetcher
from server.source.guard import Guard
from tests.site import Site


@pytest.mark.parametrize("path", ["/drip", "/stalled", "/slow"])
async def test_a_body_that_never_ends_times_out(
    path: str, guard: Guard, make_settings: Callable[..., Settings], site: Site
) -> None:
    with pytest.raises(TimedOut):
        await Fetcher(guard, make_settings(page_timeout_s=0.3)).open(site.url(path))


async def test_silence_times_out(fetcher: Fetcher, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "IDLE_TIMEOUT_S", 0.2)
    with pytest.raises(TimedOut):
        await fetcher.open(site.url("/stalled"))


async def test_a_body_that_comes_fast_may_outlast_the_page_timeout(
    guard: Guard, make_settings: Callable[..., Settings], site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "MIN_BYTES_PER_S", 10)
    settings = make_settings(page_timeout_s=0.3, max_download_bytes=40)
    with pytest.raises(TooLarge):  # 50 bytes a second, allowed to go on until the byte limit
        await Fetcher(guard, settings).open(site.url("/drip"))
