"""A service under load whose processes are killed one at a time: every scan ends, and nothing is left when it has stopped.

A class of fortress.py. Its corpses: workers, browsers, their drivers and renderers, fork servers, database backends.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from server.extract.scratch import PREFIX  # noqa: E402 - run as a script
from tests.site import Site, page, picture  # noqa: E402

ENDED = ("done", "partial", "failed", "cancelled")
VICTIMS = ("worker", "run-driver", "--remote-debugging-pipe", "--type=renderer", "fork_server", "postgres: ")
PATIENCE_S = 300.0  # for the scans in hand to end after the last kill, on a busy machine


async def sudden_death(kills: int, seed: int) -> Counter[str]:
    """Scans by how they ended (`handled`, `hung`), and processes and folders that were `leaked`."""
    chance, tally = random.Random(seed), Counter[str]()
    folder = Path(tempfile.mkdtemp(prefix="ml-", dir="/tmp"))
    folder.chmod(0o755)
    (folder / "tmp").mkdir(mode=0o1777)
    async with Site() as site, running(folder) as (process, address, token):
        for number in range(6):
            site.add(f"/{number}.png", picture("PNG", (240, 200), number * 5 + 1), "image/png")
        images = "".join(f'<img src="/{number}.png">' for number in range(6))
        async with aiohttp.ClientSession(address, headers={"Authorization": f"Bearer {token}"}) as session:
            first = await ask(session, site.add("/first.html", page(images)))
            while not await ended(session, first):  # the first model of a fresh folder takes minutes on a busy machine
                await asyncio.sleep(1)
            asked = []
            for number in range(kills):
                url = site.add(f"/p{number}.html", page(images))
                asked.append(await ask(session, url))
                await asyncio.sleep(chance.uniform(0.2, 4))
                kill_one(process.pid, folder, chance)
            open_ones = list(asked)
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE_S):
                    while open_ones := [report for report in open_ones if not await ended(session, report)]:
                        await asyncio.sleep(1)
        tree = family(process.pid, folder)
        process.send_signal(signal.SIGINT)
        await asyncio.wait_for(process.wait(), 60)
    _, alive = psutil.wait_procs(tree, 20)
    left = sorted((folder / "tmp").glob(f"{PREFIX}*"))
    print("left:", alive, left)
    shutil.rmtree(folder, ignore_errors=True)
    tally["handled"], tally["hung"] = len(asked) - len(open_ones), len(open_ones)
    tally["leaked"] = len([one for one in alive if one.status() != psutil.STATUS_ZOMBIE]) + len(left)
    return tally


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, str, str]]:
    """`medlens serve` as a process of its own: itself, its address and its token."""
    own = {
        "MEDLENS_DATA_DIR": str(folder / "data"),
        "MEDLENS_PORT": "0",
        "MEDLENS_ALLOW_NETWORKS": "127.0.0.1/32",
        "TMPDIR": str(folder / "tmp"),
    }
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MEDLENS_")} | own
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "server", "serve", cwd=ROOT, env=environment, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    address = ""
    while not address:
        if found := re.search(rb"(http://\S+)/login\?code=", await process.stderr.readline()):
            address = found[1].decode()
    draining = asyncio.create_task(process.stderr.read())
    try:
        yield process, address, (folder / "data" / "token").read_text().strip()
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await draining


def family(pid: int, folder: Path) -> list[psutil.Process]:
    others = [one for one in psutil.process_iter(["cmdline"]) if str(folder) in " ".join(one.info["cmdline"] or ())]
    return psutil.Process(pid).children(recursive=True) + others


def kill_one(pid: int, folder: Path, chance: random.Random) -> None:
    victim, tree = chance.choice(VICTIMS), family(pid, folder)
    for one in tree:
        with suppress(psutil.Error):
            tree += one.children() if "postgres" in one.name() else []
    chance.shuffle(tree)
    for one in tree:
        with suppress(psutil.Error):
            if victim in " ".join(one.cmdline()):
                one.kill()
                return


async def ask(session: aiohttp.ClientSession, url: str) -> str:
    """Where the scan's Report is. Asks again while the database, whose backend was killed, recovers: that is told by name."""
    while True:
        async with session.post("/api/scans", json={"url": url}) as answer:
            told = await answer.json()
            if answer.status == 202:
                return str(told["report"])
            if answer.status != 503:
                raise RuntimeError(f"a scan was answered {answer.status}: {told}")
        await asyncio.sleep(0.5)


async def ended(session: aiohttp.ClientSession, report: str) -> bool:
    with suppress(aiohttp.ClientError):
        async with session.get(report) as answer:
            return answer.status == 200 and (await answer.json())["status"] in ENDED
    return False
