"""Decodes images in child processes: a file that crashes its decoder costs that one image and a fork of a few milliseconds.

The children run decode_worker.py. Their answers are checked, because a hostile file may have taken control of a child.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from PIL import Image

from server.contract.errors import Damaged, ReaderFailed, TimedOut
from server.imaging.decode import MAX_FRAMES, WORKING_SIDE, Raster
from server.sandbox.child import Child, start_fork_server
from server.sandbox.limits import DECODER
from server.settings import Settings

WORKER = "server.dedupe.decode_worker"
# Most decoders: more gain nothing, because one decodes 60 images a second.
MAX_DECODERS = 4


@dataclass(frozen=True, slots=True)
class DecodedImage:
    """The result of decoding one image. `phash`: 16 hex digits. `grey`: see fingerprint.grey_of. `thumbnail`: WebP."""

    raster: Raster
    phash: str
    grey: bytes = field(repr=False)
    thumbnail: bytes = field(repr=False)


class DecodePool:
    """At most `size` decoders, started when they are needed; an async context manager."""

    def __init__(self, settings: Settings, size: int | None = None) -> None:
        self._max_pixels, self._timeout_s = settings.max_pixels, settings.image_timeout_s
        self._free = asyncio.Semaphore(size or min(MAX_DECODERS, os.cpu_count() or 1))
        self._idle: list[Child] = []
        self._busy: set[Child] = set()

    async def __aenter__(self) -> Self:
        start_fork_server()  # its imports take a second, and are done when the first image arrives
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def decode(self, data: bytes, page: int = 0) -> DecodedImage:
        """Decode one image (of a TIFF: `page`, from 0; of an animation one frame). Waits and raises as `decode_frames` does."""
        return (await self.decode_frames(data, page))[0]

    async def decode_frames(self, data: bytes, page: int = 0) -> list[DecodedImage]:
        """Decode one image, or an even sample of an animation's frames that are not blank. Waits while all decoders are busy.

        Raises UnknownKind, Damaged (also when the decoder crashed), ImageTooLarge, or TimedOut after MEDLENS_IMAGE_TIMEOUT_S.
        """
        async with self._free:
            child = await self._child()
            self._busy.add(child)
            healthy = False
            try:
                async with asyncio.timeout(self._timeout_s):
                    header, body = await self._ask(child, data, page)
                decoded = _decoded_frames(header, body)
                healthy = True
                return decoded
            except TimeoutError:
                raise TimedOut(f"decoding took longer than {self._timeout_s:g} s (MEDLENS_IMAGE_TIMEOUT_S)") from None
            except ReaderFailed as error:
                raise Damaged("the image made its decoder fail") from error
            except Exception:
                healthy = True  # the decoder works; the image is at fault
                raise
            finally:
                self._busy.discard(child)
                if healthy:
                    self._idle.append(child)
                else:
                    child.kill()

    async def close(self) -> None:
        """End all decoders and wait until they have ended."""
        children = [*self._idle, *self._busy]
        self._idle.clear()
        await asyncio.gather(*(child.close() for child in children))

    async def _child(self) -> Child:
        while self._idle:
            child = self._idle.pop()
            if not child.ended:
                return child
            child.kill()
        return await Child.start(WORKER, DECODER)

    async def _ask(self, child: Child, data: bytes, page: int) -> tuple[dict[str, Any], bytes]:
        await child.send({"max_pixels": self._max_pixels, "page": page}, data)
        if (answer := await child.receive()) is None:
            raise ReaderFailed("the decoder died")
        return answer


def _decoded_frames(header: dict[str, Any], body: bytes) -> list[DecodedImage]:
    """Parse and check a child's answer. Raises ReaderFailed for anything unexpected."""
    try:
        frames = list(header["frames"])
        if not 0 < len(frames) <= MAX_FRAMES:
            raise ValueError
        decoded, begin = [], 0
        for facts in frames:
            one, begin = _decoded_image(facts, body, begin)
            decoded.append(one)
        if begin != len(body):
            raise ValueError
        return decoded
    except (KeyError, TypeError, ValueError):
        raise ReaderFailed("the decoder sent an invalid answer") from None


def _decoded_image(facts: dict[str, Any], body: bytes, begin: int) -> tuple[DecodedImage, int]:
    """The image or frame whose thumbnail and pixels begin at byte `begin` of `body`, and the byte at which they end.

    Raises KeyError, TypeError or ValueError for an invalid answer.
    """
    width, height = (int(side) for side in facts["size"])
    pixels = begin + int(facts["thumbnail"])
    end = pixels + width * height * 3
    if not 0 < width <= WORKING_SIDE or not 0 < height <= WORKING_SIDE or not begin <= pixels < end <= len(body):
        raise ValueError
    image = Image.frombytes("RGB", (width, height), body[pixels:end])
    raster = Raster(str(facts["format"]), int(facts["width"]), int(facts["height"]), image)
    phash = f"{int(facts['phash'], 16):016x}"
    return DecodedImage(raster, phash, bytes.fromhex(facts["grey"]), body[begin:pixels]), end
