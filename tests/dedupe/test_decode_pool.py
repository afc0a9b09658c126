"""Decoding in child processes: the results, and that no image harms another or leaves a process behind."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from server.contract.errors import Damaged, ImageTooLarge, TimedOut, UnknownKind
from server.dedupe import decode_pool
from server.dedupe.decode_pool import DecodePool
from server.dedupe.fingerprint import grey_of, phash_of
from server.imaging.decode import decode
from server.sandbox.child import stop_fork_server
from server.settings import Settings


def drawn(seed: int = 0, width: int = 900, height: int = 600) -> bytes:
    coarse = np.random.default_rng(seed).integers(0, 255, (6, 9, 3), dtype=np.uint8)
    out = BytesIO()
    Image.fromarray(coarse).resize((width, height)).save(out, "JPEG")
    return out.getvalue()


@pytest.fixture
async def pool() -> AsyncIterator[DecodePool]:
    async with DecodePool(Settings(), size=2) as pool:
        yield pool


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def ended(pid: int) -> bool:
    """Whether a killed process is gone within a second: the system buries it in its own time."""
    for _ in range(100):
        if not alive(pid):
            return True
        await asyncio.sleep(0.01)
    return False


async def test_the_pool_gives_what_decoding_here_would_give(pool: DecodePool) -> None:
    decoded = await pool.decode(drawn())
    here = decode(drawn(), 10**8)
    assert (decoded.raster.format, decoded.raster.width, decoded.raster.height) == ("jpeg", 900, 600)
    assert decoded.raster.image.tobytes() == here.image.tobytes()
    assert (decoded.phash, decoded.grey) == (phash_of(here), grey_of(here))
    thumbnail = Image.open(BytesIO(decoded.thumbnail))
    assert (thumbnail.format, thumbnail.size) == ("WEBP", (384, 256))


async def test_pages_of_a_tiff_can_be_asked_for(pool: DecodePool) -> None:
    out = BytesIO()
    Image.new("L", (100, 80)).save(out, "TIFF", save_all=True, append_images=[Image.new("L", (60, 50), 9)])
    assert (await pool.decode(out.getvalue(), page=1)).raster.width == 60


async def test_many_at_once_wait_for_their_turn(pool: DecodePool) -> None:
    decoded = await asyncio.gather(*(pool.decode(drawn(seed)) for seed in range(12)))
    assert len({one.phash for one in decoded}) == 12


@pytest.mark.parametrize(("data", "error"), [(b"nothing", UnknownKind), (drawn()[:5000], Damaged), (b"\x89PNG\r\n\x1a\n", Damaged)])
async def test_the_decoders_answer_is_raised_and_it_goes_on(pool: DecodePool, data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        await pool.decode(data)
    assert (await pool.decode(drawn())).raster.width == 900


async def test_of_an_animation_the_sampled_frames_that_are_not_blank(pool: DecodePool) -> None:
    frames = [Image.new("RGB", (900, 600)), *(Image.open(BytesIO(drawn(seed))).convert("RGB") for seed in (1, 2))]
    out = BytesIO()
    frames[0].save(out, "WEBP", save_all=True, append_images=frames[1:], lossless=True, duration=40)
    decoded = await pool.decode_frames(out.getvalue())
    assert [one.raster.image.size for one in decoded] == [(768, 512)] * 2
    assert len({one.phash for one in decoded}) == len({one.thumbnail for one in decoded}) == 2
    out = BytesIO()
    cards = [Image.new("RGB", (90, 60), (level,) * 3) for level in (0, 255)]
    cards[0].save(out, "WEBP", save_all=True, append_images=cards[1:], lossless=True, duration=40)
    (only,) = await pool.decode_frames(out.getvalue())
    assert only.raster.blank


async def test_too_many_pixels() -> None:
    async with DecodePool(Settings(max_pixels=1000)) as pool:
        with pytest.raises(ImageTooLarge):
            await pool.decode(drawn())


CRASHING = """
import os, signal, time
from server.dedupe.decode_worker import serve as decode

class Watched:
    def __init__(self, pipe):
        self._pipe = pipe
    def receive(self):
        asked = self._pipe.receive()
        if asked and asked[1] == b"segfault":
            os.kill(os.getpid(), signal.SIGSEGV)
        if asked and asked[1] == b"sleep":
            time.sleep(60)
        if asked and asked[1] == b"nonsense":
            self._pipe.send({"size": [100000, 100000], "thumbnail": 0}, b"")
        return asked
    def __getattr__(self, name):
        return getattr(self._pipe, name)

def serve(pipe):
    decode(Watched(pipe))
"""


@pytest.fixture
def crashing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Decoders that really crash, hang or lie when an image says so."""
    (tmp_path / "crashing_decoder.py").write_text(CRASHING)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(decode_pool, "WORKER", "crashing_decoder")
    stop_fork_server()
    yield
    stop_fork_server()


@pytest.mark.usefixtures("crashing")
async def test_a_crash_costs_one_image() -> None:
    async with DecodePool(Settings(), size=1) as pool:
        with pytest.raises(Damaged, match="made its decoder fail"):
            await pool.decode(b"segfault")
        assert (await pool.decode(drawn())).raster.width == 900


@pytest.mark.usefixtures("crashing")
async def test_a_lie_is_not_believed() -> None:
    async with DecodePool(Settings(), size=1) as pool:
        with pytest.raises(Damaged):
            await pool.decode(b"nonsense")
        assert (await pool.decode(drawn())).raster.width == 900


@pytest.mark.usefixtures("crashing")
async def test_time_is_bounded() -> None:
    async with DecodePool(Settings(image_timeout_s=1.0), size=1) as pool:
        with pytest.raises(TimedOut, match="MEDLENS_IMAGE_TIMEOUT_S"):
            await pool.decode(b"sleep")
        assert (await pool.decode(drawn())).raster.width == 900


@pytest.mark.usefixtures("crashing")
async def test_cancelling_a_decode_ends_its_decoder() -> None:
    async with DecodePool(Settings(), size=1) as pool:
        task = asyncio.create_task(pool.decode(b"sleep"))
        while not pool._busy:
            await asyncio.sleep(0.01)
        [child] = pool._busy
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await ended(child.pid)


async def test_an_idle_decoder_killed_from_outside_is_replaced() -> None:
    async with DecodePool(Settings(), size=1) as pool:
        await pool.decode(drawn())
        [child] = pool._idle
        os.kill(child.pid, signal.SIGKILL)
        while not child.ended:
            await asyncio.sleep(0.01)
        assert (await pool.decode(drawn())).raster.width == 900


async def test_close_leaves_no_decoder() -> None:
    pool = DecodePool(Settings(), size=2)
    await asyncio.gather(pool.decode(drawn(1)), pool.decode(drawn(2)))
    pids = [child.pid for child in pool._idle]
    assert pids and all(alive(pid) for pid in pids)
    await pool.close()
    assert all([await ended(pid) for pid in pids])
