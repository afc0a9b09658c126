"""Claims on images, near duplicates among many, and the bound on what is sent between processes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pyarrow", reason="the extra [ray] is not installed")

from server.contract.records import Skipped, UniqueImage
from server.corpus.document import Document
from server.corpus.judging import read_document
from server.corpus.known import KnownFile
from server.corpus.near import originals_of_many
from server.dedupe.group import originals
from server.scan.resources import open_resources
from server.settings import Settings
from tests.corpus.drawn_corpus import png

SHA = "ab" * 32


def known(folder: Path, claim_s: float = 60.0) -> KnownFile:
    return KnownFile(str(folder / "known.sqlite"), claim_s)


async def test_who_waits_for_a_claim_gets_the_verdict_or_the_claim(tmp_path: Path) -> None:
    file = known(tmp_path)
    assert await file.claim(SHA, "first") is None
    second, third = (asyncio.create_task(file.claim(SHA, name)) for name in ("second", "third"))
    await asyncio.sleep(0)
    await file.release("first")
    await asyncio.wait((second, third), return_when=asyncio.FIRST_COMPLETED)
    holder, waiting = (second, third) if second.done() else (third, second)
    assert holder.result() is None
    await file.store(SHA, "verdict")
    assert await waiting == "verdict"
    file.close()
    again = known(tmp_path)
    assert await again.claim(SHA, "later") == "verdict"
    again.close()


async def test_who_waits_is_woken_although_the_holder_asked_again(tmp_path: Path) -> None:
    file = known(tmp_path)
    assert await file.claim(SHA, "first") is None
    waiting = asyncio.create_task(file.claim(SHA, "second"))
    await asyncio.sleep(0)
    assert await file.claim(SHA, "first") is None  # its document is judged once more
    await file.store(SHA, "verdict")
    async with asyncio.timeout(30):
        assert await waiting == "verdict"
    file.close()


async def test_the_claim_of_a_killed_holder_ends(tmp_path: Path) -> None:
    file = known(tmp_path, 0.01)
    assert await file.claim(SHA, "killed") is None
    assert await file.claim(SHA, "next") is None
    file.close()


def test_near_duplicates_are_those_that_comparing_all_with_all_finds() -> None:
    """Hashes that differ by 0 to 12 bits from one of twenty, at random positions."""
    random = np.random.default_rng(0)
    bases = random.integers(0, 2**63, 20)
    images = []
    for number in range(400):
        flips = random.choice(64, random.integers(0, 13), replace=False)
        hashed = int(bases[number % 20]) ^ sum(1 << int(bit) for bit in flips)
        side = int(random.integers(64, 400))
        images.append(UniqueImage(f"{number:064x}", side, side, "png", 1, (), b"", f"{hashed:016x}", bytes(1024)))
    images.sort(key=lambda image: -image.width * image.height)
    found = {image.sha256: images[index].sha256 for image, index in zip(images, originals_of_many(images), strict=True)}
    assert found == originals(images)
    assert len(set(found.values())) < len(images)


async def test_images_beyond_what_is_sent_are_skipped_with_the_reason(tmp_path: Path) -> None:
    file = tmp_path / "a.png"
    file.write_bytes(png(1))
    async with open_resources(Settings(data_dir=tmp_path / "data")) as resources:
        read = await read_document(Document("a.png", path=str(file)), resources, max_bytes=10)
    assert [found.reason for found in read.founds if isinstance(found, Skipped)] == ["too_large"]
