"""A screen that nobody sees, with a window manager and a person's mouse and keys: what only a real click can show.

Needs Xvfb, openbox and xdotool. It knows pixels and keys, no browser.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from typing import Self

import numpy as np
from PIL import Image, ImageGrab

PROGRAMS = ("Xvfb", "openbox", "xdotool")
MISSING = [name for name in PROGRAMS if shutil.which(name) is None]
SIZE = (1200, 900)
Box = tuple[int, int, int, int]  # left, top, right, bottom, in pixels
Colour = tuple[int, int, int]
REST_S = 20  # a busy machine draws a menu in a second or two


class Screen:
    """`async with Screen() as screen:` and start programs with `screen.environment`."""

    async def __aenter__(self) -> Self:
        read, write = os.pipe()
        size = f"{SIZE[0]}x{SIZE[1]}x24"
        self._server = await asyncio.create_subprocess_exec(
            "Xvfb", "-displayfd", str(write), "-screen", "0", size, "-nolisten", "tcp",
            pass_fds=(write,), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        os.close(write)
        with os.fdopen(read) as told:
            number = (await asyncio.to_thread(told.readline)).strip()
        self.name = f":{number}"
        self.environment = os.environ | {"DISPLAY": self.name}
        self._manager = await asyncio.create_subprocess_exec(
            "openbox", env=self.environment, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        for process in (self._manager, self._server):
            process.terminate()
            await process.wait()

    async def _do(self, *words: str) -> None:
        process = await asyncio.create_subprocess_exec("xdotool", *words, env=self.environment)
        if await process.wait():
            raise RuntimeError("xdotool: " + " ".join(words))

    async def key(self, *names: str) -> None:
        """Keys one after the other, as xdotool names them: `alt+shift+m`, `Return`."""
        for name in names:
            await self._do("key", "--clearmodifiers", name)
            await asyncio.sleep(0.1)  # a menu takes the next key once it has drawn itself

    async def move(self, x: float, y: float) -> None:
        await self._do("mousemove", str(round(x)), str(round(y)))

    async def click(self, x: float, y: float, button: int = 1) -> None:
        await self._do("mousemove", str(round(x)), str(round(y)), "click", str(button))

    def look(self, box: Box | None = None) -> Image.Image:
        """What the screen shows."""
        return ImageGrab.grab(bbox=box, xdisplay=self.name).convert("RGB")

    async def rest(self, box: Box) -> None:
        """Until the box looks the same for a third of a second; at most REST_S, for a page may move by itself."""
        async with asyncio.timeout(REST_S):
            last = self.look(box)
            while True:
                await asyncio.sleep(0.35)
                now = self.look(box)
                if now == last:
                    return
                last = now

    def where(self, colour: Colour, box: Box) -> tuple[float, float] | None:
        """The middle of everything of exactly this colour within the box, in pixels of the screen."""
        spots = np.argwhere((np.asarray(self.look(box)) == colour).all(axis=2))
        if not len(spots):
            return None
        row, column = spots.mean(axis=0)
        return box[0] + float(column), box[1] + float(row)
