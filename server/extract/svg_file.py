"""The extractor of SVG files: the browser draws the file as PNG on a blank page, without running or loading anything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

from server.contract.extracted import Extracted
from server.contract.records import Place, Source
from server.extract.browser import Browser
from server.extract.candidate_filter import CandidateFilter
from server.extract.drawings import Rasterizer
from server.extract.launch import DEAD_PROXY
from server.extract.local_file import read_file
from server.kinds.kind import HEAD_BYTES
from server.kinds.page import looks_like_svg
from server.settings import Settings


async def is_svg(source: Source) -> bool:
    """Whether a source of kind `image` is an SVG file."""
    head = source.data[:HEAD_BYTES] if source.data is not None else b""
    if source.data is None and source.path is not None:
        head = await asyncio.to_thread(_head, source.path)
    return looks_like_svg(head)


async def extract_svg(source: Source, browser: Browser, settings: Settings) -> AsyncGenerator[Extracted, None]:
    """Yield the drawing as PNG, or why there is none. Raises what the browser and reading the file raise."""
    data = source.data if source.data is not None or source.path is None else await read_file(source.path)
    found: list[Extracted] = []
    async with (
        browser.context(DEAD_PROXY) as context,
        Rasterizer(context, CandidateFilter(settings, found.append), settings) as rasterizer,
    ):
        await rasterizer.svg(data or b"", Place(source.url, "file"))
    for one in found:
        yield one


def _head(path: Path) -> bytes:
    """The first bytes of a regular file; empty for others, because a pipe would block."""
    try:
        if not path.is_file():
            return b""
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)
    except OSError:
        return b""
