"""The service as a user starts it: `medlens serve` in its own process, with worker, browser, model and embedded database."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest

from tests.short_folder import short_folder

START_S = 90.0  # on two busy cores; a quiet machine takes two


@dataclass
class Service:
    """One `medlens serve` on a free port. `start` may be called again after the process has gone."""

    folder: Path
    process: asyncio.subprocess.Process | None = None
    address: str = ""
    link: str = ""
    said: list[str] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        own = {"MEDLENS_DATA_DIR": str(self.folder), "MEDLENS_ALLOW_NETWORKS": "127.0.0.1/32", "MEDLENS_PORT": "0"}
        return {
            name: value for name, value in os.environ.items() if name == "MEDLENS_MEMBERS" or not name.startswith("MEDLENS_")
        } | own

    @property
    def token(self) -> str:
        return (self.folder / "token").read_text().strip()

    async def start(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "server", "serve", env=self.environment, stderr=asyncio.subprocess.PIPE
        )
        assert self.process.stderr
        async with asyncio.timeout(START_S):
            while True:
                line = (await self.process.stderr.readline()).decode()
                assert line, "".join(self.said)
                self.said.append(line)
                if found := re.search(r"http://\S+/login\?code=\S+", line):
                    self.link = found[0]
                    self.address = self.link.partition("/login")[0]
                if "Ctrl-C" in line:
                    break
        self._drain = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.process and self.process.stderr
        while line := await self.process.stderr.readline():
            self.said.append(line.decode())

    def tree(self) -> list[psutil.Process]:
        """Every process that the service has started, directly or not, and the database."""
        assert self.process
        family = psutil.Process(self.process.pid).children(recursive=True)
        return family + [one for one in psutil.process_iter(["cmdline"]) if str(self.folder) in " ".join(one.info["cmdline"] or ())]

    def worker(self) -> psutil.Process:
        return next(one for one in self.tree() if "worker" in one.cmdline())

    async def end(self, number: signal.Signals = signal.SIGINT) -> None:
        assert self.process
        if self.process.returncode is None:
            self.process.send_signal(number)
            await asyncio.wait_for(self.process.wait(), 60)
        await self._drain

    async def ask(self, path: str, **posted: Any) -> Any:
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {self.token}"}) as session:
            call = session.post(self.address + path, json=posted) if posted else session.get(self.address + path)
            async with call as answer:
                assert answer.status < 400, await answer.text()
                return await answer.json()

    async def fetch(self, path: str) -> tuple[int, str, bytes]:
        """Status, content type and body, whatever they are."""
        headers = {"Authorization": f"Bearer {self.token}"}
        async with aiohttp.ClientSession(headers=headers) as session, session.get(self.address + path) as answer:
            return answer.status, answer.content_type, await answer.read()

    async def follow(self, path: str, last: str = "0") -> AsyncIterator[tuple[str, str, dict[str, Any]]]:
        """(id, kind, data) of each event until `done`."""
        headers = {"Authorization": f"Bearer {self.token}", "Last-Event-ID": last}
        event: dict[str, str] = {}
        async with aiohttp.ClientSession(headers=headers) as session, session.get(self.address + path, timeout=None) as answer:
            async for raw in answer.content:
                name, _, value = raw.decode().rstrip("\r\n").partition(": ")
                if name:
                    event[name] = value
                elif "event" in event:
                    yield event["id"], event["event"], json.loads(event["data"])
                    event = {}


@pytest.fixture
def folder() -> Iterator[Path]:
    with short_folder() as place:
        yield place


@pytest.fixture
async def service(folder: Path) -> AsyncIterator[Service]:
    served = Service(folder / "data")
    await served.start()
    yield served
    await served.end()
