"""The service that the long attacks of fortress.py are made on: `medlens serve` in processes of its own, on a folder of its own."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from server.extract.scratch import PREFIX  # noqa: E402 - run as a script
from tests.site import Site, page, picture  # noqa: E402

ENDED = ("done", "partial", "failed", "cancelled")
IMAGES = 6  # of each page
START_S = 240.0  # on a machine with much else to do
STOP_S = 90.0
GONE_S = 20.0  # within which everything has gone once the service has


class Service:
    """One service; may be started again after its process was killed. `said`: its log so far."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder, self._settings = folder, settings
        self.process: asyncio.subprocess.Process | None = None
        self.said: list[str] = []
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> None:
        """Raises RuntimeError when it ends before it serves, TimeoutError when it takes longer than START_S."""
        own = {
            "MEDLENS_DATA_DIR": str(self.folder / "data"),
            "MEDLENS_PORT": "0",
            "MEDLENS_ALLOW_NETWORKS": "127.0.0.0/8",
            "TMPDIR": str(self.folder / "tmp"),
        } | self._settings
        environment = {name: value for name, value in os.environ.items() if not name.startswith("MEDLENS_")} | own
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "server", "serve", cwd=ROOT, env=environment, stderr=asyncio.subprocess.PIPE
        )
        assert self.process.stderr is not None
        async with asyncio.timeout(START_S):
            while True:
                line = (await self.process.stderr.readline()).decode(errors="replace")
                self.said.append(line)
                if not line:
                    raise RuntimeError("the service ended before it served: " + "".join(self.said[-20:]))
                if found := re.search(r"(http://\S+)/login\?code=", line):
                    break
        self._draining = asyncio.create_task(self._drain(self.process.stderr))
        token = (self.folder / "data" / "token").read_text().strip()
        self._session = aiohttp.ClientSession(found[1], headers={"Authorization": f"Bearer {token}"})

    async def _drain(self, errors: asyncio.StreamReader) -> None:
        while line := await errors.readline():
            self.said.append(line.decode(errors="replace"))

    async def gone(self) -> None:
        """Its process was killed; return when it has ended."""
        assert self.process is not None
        await self.process.wait()
        await self._close()

    async def stop(self) -> None:
        """As Ctrl-C does; kill it when it does not end."""
        assert self.process is not None
        with suppress(ProcessLookupError):
            self.process.send_signal(2)
        try:
            await asyncio.wait_for(self.process.wait(), STOP_S)
        finally:
            with suppress(ProcessLookupError):
                self.process.kill()
            await self._close()

    async def _close(self) -> None:
        if self._session is not None:
            await self._session.close()
        await self._draining

    def family(self) -> list[psutil.Process]:
        """All that it has started, the database's own children too."""
        found = [one for one in psutil.process_iter(["cmdline"]) if str(self.folder) in " ".join(one.info["cmdline"] or ())]
        if self.process is not None:
            with suppress(psutil.NoSuchProcess):
                found += psutil.Process(self.process.pid).children(recursive=True)
        for one in list(found):
            with suppress(psutil.Error):
                found += one.children(recursive=True)
        return list(set(found))

    async def call(self, method: str, path: str, **more: Any) -> tuple[int, Any, aiohttp.typedefs.LooseHeaders]:
        """Status, JSON and headers of the answer."""
        assert self._session is not None
        async with self._session.request(method, path, **more) as answer:
            return answer.status, await answer.json(), answer.headers

    async def ask(self, url: str) -> str:
        """Where the scan's Report is. Asks again while the answer is 503: then the database is away, as it says by name."""
        while True:
            status, told, _ = await self.call("POST", "/api/scans", json={"url": url})
            if status == 202:
                return str(told["report"])
            if status != 503:
                raise RuntimeError(f"a scan was answered {status}: {told}")
            await asyncio.sleep(0.5)

    async def report(self, path: str) -> dict[str, Any] | None:
        """The scan's Report once it has ended; None before, and while nobody answers."""
        with suppress(aiohttp.ClientError):
            status, told, _ = await self.call("GET", path)
            if status == 200 and told["status"] in ENDED:
                return dict(told)
        return None

    async def reports(self, paths: list[str], patience_s: float) -> dict[str, dict[str, Any]]:
        """The Reports of those scans that end in that time."""
        found: dict[str, dict[str, Any]] = {}
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                while len(found) < len(paths):
                    for path in [path for path in paths if path not in found]:
                        if (report := await self.report(path)) is not None:
                            found[path] = report
                    await asyncio.sleep(1)
        return found


@asynccontextmanager
async def attacked(folder: Path | None = None, **settings: str) -> AsyncIterator[tuple[Service, Site]]:
    """A service that has done its first scan, so that models are loaded, and a site whose pages it may scan."""
    made = folder is None
    folder = folder or Path(tempfile.mkdtemp(prefix="ml-", dir="/tmp"))
    folder.chmod(0o755)
    (folder / "tmp").mkdir(mode=0o1777, exist_ok=True)
    (folder / "tmp").chmod(0o1777)
    service = Service(folder, **settings)
    async with Site() as site:
        for number in range(IMAGES):
            site.add(f"/{number}.png", picture("PNG", (240, 200), number * 5 + 1), "image/png")
        try:
            await service.start()
            first = await service.ask(add_page(site, "first"))
            while await service.report(first) is None:  # the first model of a fresh folder takes minutes on a busy machine
                await asyncio.sleep(1)
            yield service, site
        finally:
            if service.process is not None and service.process.returncode is None:
                service.process.kill()
            if made:
                shutil.rmtree(folder, ignore_errors=True)


def add_page(site: Site, name: str) -> str:
    """The address of a new page with IMAGES images."""
    return site.add(f"/{name}.html", page("".join(f'<img src="/{number}.png">' for number in range(IMAGES))))


def told_well(report: dict[str, Any]) -> bool:
    """Whether a scan of `add_page` failed by name, or has each image once: with a verdict, or skipped with a reason."""
    if report["status"] in ("failed", "cancelled"):
        return bool((report["error"] or {}).get("code"))
    judged = [image["sha256"] for image in report["images"] if image["verdict"]]
    skipped = sum(report["counts"]["skipped"].values())
    return len(judged) == len(set(judged)) and len(judged) + skipped == IMAGES


async def left_behind(service: Service, family: list[psutil.Process]) -> list[str]:
    """The processes and temporary folders that a service that has ended left. `family`: its processes before it did."""
    _, alive = await asyncio.to_thread(psutil.wait_procs, {*family, *service.family()}, GONE_S)
    left = [str(path) for path in (service.folder / "tmp").glob(f"{PREFIX}*")]
    for one in alive:
        with suppress(psutil.Error):
            if one.status() != psutil.STATUS_ZOMBIE:
                left.append(" ".join(one.cmdline())[:200])
    return left
