"""Decodes images in processes that may die: a file that crashes its decoder costs that one image and a millisecond's fork.

Knows the children's protocol (decode_worker.py) and how long they may take; not what a picture shows, nor who asked.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from PIL import Image

from server.contract.errors import Damaged, ReaderFailed, TimedOut
from server.imaging.decode import WORKING_SIDE, Picture
from server.sandbox.child import Child, start_fork_server
from server.settings import Settings

WORKER = "server.dedupe.decode_worker"
# Memory of one decoder, MiB. The worst allowed image, 50 megapixels of RGBA in 16 bits, needs 700 while it shrinks.
MEMORY_MB = 1536
# Decoders. More than this many do not pay: one feeds the model at 60 images a second.
MOST_DECODERS = 4
# Processor seconds one decoder may use up in its life before a fresh one takes over: a backstop for children whose parent is gone.
LIFE_CPU_S = 3600


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at an image tells. `phash`: 16 hex digits. `grey`: see fingerprint.grey_of. `thumbnail`: WebP."""

    picture: Picture
    phash: str
    grey: bytes = field(repr=False)
    thumbnail: bytes = field(repr=False)


class DecodePool:
    """Decoders, started as they are needed, at most `size` of them; an async context manager."""

    def __init__(self, settings: Settings, size: int | None = None) -> None:
        self._max_pixels, self._timeout_s = settings.max_pixels, settings.image_timeout_s
        self._free = asyncio.Semaphore(size or min(MOST_DECODERS, os.cpu_count() or 1))
        self._idle: list[Child] = []
        self._busy: set[Child] = set()

    async def __aenter__(self) -> Self:
        start_fork_server()  # its imports take a second; by the first image they are done
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def look(self, data: bytes, page: int = 0) -> Look:
        """Decode one image (of a TIFF: `page`, from 0). Waits while all decoders are busy.

        Raises UnknownKind, Damaged (also when the decoder crashed), ImageTooLarge, or TimedOut after MEDLENS_IMAGE_TIMEOUT_S.
        """
        async with self._free:
            child = await self._child()
            self._busy.add(child)
            healthy = False
            try:
                async with asyncio.timeout(self._timeout_s):
                    header, body = await self._ask(child, data, page)
                look = _look(header, body)
                healthy = True
                return look
            except TimeoutError:
                raise TimedOut(f"decoding took longer than {self._timeout_s:g} s (MEDLENS_IMAGE_TIMEOUT_S)") from None
            except ReaderFailed as error:
                raise Damaged("the image made its decoder fail") from error
            except Exception:
                healthy = True  # the decoder's own answer: the image is at fault
                raise
            finally:
                self._busy.discard(child)
                if healthy:
                    self._idle.append(child)
                else:
                    child.kill()

    async def close(self) -> None:
        """End all decoders and wait until they are gone."""
        children = [*self._idle, *self._busy]
        self._idle.clear()
        await asyncio.gather(*(child.close() for child in children))

    async def _child(self) -> Child:
        while self._idle:
            child = self._idle.pop()
            if not child.gone:
                return child
            child.kill()
        return await Child.start(WORKER, MEMORY_MB, LIFE_CPU_S)

    async def _ask(self, child: Child, data: bytes, page: int) -> tuple[dict[str, Any], bytes]:
        await child.send({"max_pixels": self._max_pixels, "page": page}, data)
        if (answer := await child.receive()) is None:
            raise ReaderFailed("the decoder died")
        return answer


def _look(header: dict[str, Any], body: bytes) -> Look:
    """Put together what a child says, and check it: the child may be under a hostile file's command. Raises ReaderFailed."""
    try:
        width, height = (int(side) for side in header["size"])
        cut = int(header["thumbnail"])
        if not 0 < width <= WORKING_SIDE or not 0 < height <= WORKING_SIDE or len(body) - cut != width * height * 3:
            raise ValueError
        image = Image.frombytes("RGB", (width, height), body[cut:])
        picture = Picture(str(header["format"]), int(header["width"]), int(header["height"]), image)
        return Look(picture, f"{int(header['phash'], 16):016x}", bytes.fromhex(header["grey"]), body[:cut])
    except (KeyError, TypeError, ValueError):
        raise ReaderFailed("the decoder answered nonsense") from None
