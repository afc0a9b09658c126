"""`medlens serve` as the tests of the extension start and stop it: a process of its own with a worker, and one member alone."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import ClientError, ClientSession

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "a-token-for-the-extension-tests"
# Two busy cores: a worker that has yet to load its model can take minutes beside a training.
START_S = 240


class Service:
    """`medlens serve` in a process of its own. `start` after `stop` comes back at the same address."""

    def __init__(self, folder: Path, port: int = 0, members: str = "cnn") -> None:
        self.folder, self.port, self.members = folder, port, members
        self.link = ""
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def _medlens(self, *words: str, **more: Any) -> asyncio.subprocess.Process:
        environment = os.environ | {
            "MEDLENS_DATA_DIR": str(self.folder),
            "MEDLENS_MEMBERS": self.members,
            "MEDLENS_ALLOW_NETWORKS": "127.0.0.1/32",
            "MEDLENS_PORT": str(self.port),
            "MEDLENS_TOKEN": TOKEN,
            "MEDLENS_IMAGE_TIMEOUT_S": "60",  # some tests hold an image back
        }
        return await asyncio.create_subprocess_exec(sys.executable, "-m", "server", *words, cwd=ROOT, env=environment, **more)

    async def fresh_link(self) -> str:
        """A one-time link to the dashboard that nobody has used yet."""
        asked = await self._medlens("token", "--link", stdout=asyncio.subprocess.PIPE)
        told, _ = await asked.communicate()
        found = re.search(r"http://\S+/login\?code=\S+", told.decode())
        assert found, told
        return found[0]

    async def start(self, *, wait: bool = True) -> None:
        self._process = await self._medlens("serve", stderr=asyncio.subprocess.PIPE)
        said: list[str] = []
        async with asyncio.timeout(START_S):
            while not self.link or not self.port:
                line = (await self._process.stderr.readline()).decode()
                said.append(line)
                if not line:
                    raise RuntimeError("the service did not start: " + "".join(said))
                self._heard(line)
        self._reading = asyncio.create_task(self._read())
        if wait:
            await self.ready()

    def _heard(self, line: str) -> None:
        if found := re.search(r"http://127\.0\.0\.1:(\d+)/login\?code=\S+", line):
            self.link, self.port = found[0], int(found[1])

    async def _read(self) -> None:
        while self._process and (line := await self._process.stderr.readline()):
            self._heard(line.decode())

    async def ready(self) -> None:
        """Until every part says so, the worker included."""
        async with asyncio.timeout(START_S), ClientSession() as session:
            while True:
                try:
                    async with session.get(f"{self.address}/readyz") as answer:
                        if answer.status == 200:
                            return
                except ClientError:
                    pass
                await asyncio.sleep(0.5)

    async def stop(self) -> None:
        if self._process is None:
            return
        self._process.send_signal(signal.SIGINT)
        await self._process.wait()
        if self._reading:
            await self._reading
        self._process, self.link = None, ""


@asynccontextmanager
async def serving() -> AsyncIterator[Service]:
    """A Service in a folder of its own, which is open to Postgres' user and gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="medlens-"))
    served = Service(folder)
    try:
        await served.start()
        yield served
    finally:
        await served.stop()
        shutil.rmtree(folder, ignore_errors=True)
