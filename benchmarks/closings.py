"""Opens and closes together, over and over, the native libraries of a worker, and counts the processes that a signal ended.

python benchmarks/closings.py [--closings 200] [--rounds 10] [--at-once 2] [--without PART ...]

Looks for a segmentation fault while something is being closed. Each process opens and closes every part but those left out, in a
random order, `--rounds` times, and then ends as Python ends; several run side by side. faulthandler prints the Python stacks of one
that dies, gdb the native ones of its core, where the system leaves one in the working folder.
"""
# ruff: noqa: PLC0415 - a part that is left out must not be imported either

from __future__ import annotations

import argparse
import asyncio
import faulthandler
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image
from record import record

ROOT = Path(__file__).resolve().parents[1]
LIMIT_S = 900.0  # for one process, on a busy machine
DATABASE = "MEDLENS_DATABASE_URL"
SPEC = {"data": {"values": [{"a": 1, "b": 2}]}, "mark": "bar", "encoding": {"x": {"field": "a"}, "y": {"field": "b"}}}


@asynccontextmanager
async def models() -> AsyncIterator[None]:
    """OpenVINO: the shipped members, asked once."""
    from server.classify.engine import Engine
    from server.imaging.decode import Raster
    from server.settings import Settings

    engine = Engine(Settings())
    noise = np.random.default_rng(1).integers(0, 255, (240, 240, 3), np.uint8)
    try:
        await asyncio.gather(*(engine.judge(Raster("png", 240, 240, Image.fromarray(noise))) for _ in range(3)))
        yield
    finally:
        await engine.stop()


@asynccontextmanager
async def torch_network() -> AsyncIterator[None]:
    """Torch's threads, at work beside the others."""
    import torch

    network = torch.nn.Sequential(torch.nn.Conv2d(3, 16, 3), torch.nn.ReLU(), torch.nn.Conv2d(16, 16, 3))
    await asyncio.to_thread(network, torch.zeros(1, 3, 96, 96))
    yield
    del network


@asynccontextmanager
async def charts() -> AsyncIterator[None]:
    """vl-convert's V8, in this process, where the program has it in one of its own."""
    import vl_convert

    await asyncio.to_thread(vl_convert.vegalite_to_svg, SPEC, allowed_base_urls=[])
    yield


@asynccontextmanager
async def database() -> AsyncIterator[None]:
    """psycopg and its libpq, through the pool of a Database."""
    from server.settings import Settings
    from server.store.database import Database

    async with Database(Settings()) as opened:
        await asyncio.gather(*(opened.ready() for _ in range(4)))
        yield


@asynccontextmanager
async def readers() -> AsyncIterator[None]:
    """Decoders and the fork server that forks them."""
    from server.dedupe.decode_pool import DecodePool
    from server.sandbox.child import stop_fork_server
    from server.settings import Settings

    out = BytesIO()
    Image.new("RGB", (64, 64), "red").save(out, "PNG")
    async with DecodePool(Settings(), size=2) as pool:
        await asyncio.gather(*(pool.decode(out.getvalue()) for _ in range(4)))
        yield
    stop_fork_server()


@asynccontextmanager
async def browser() -> AsyncIterator[None]:
    """Chromium, by Playwright's driver."""
    from server.extract.browser import Browser
    from server.settings import Settings

    async with Browser(Settings()) as opened:
        await opened.start()
        yield


PARTS: dict[str, Callable[[], AbstractAsyncContextManager[None]]] = {
    "models": models,
    "torch": torch_network,
    "charts": charts,
    "database": database,
    "readers": readers,
    "browser": browser,
}


async def rounds(count: int, seed: int, parts: list[str]) -> None:
    """Open all parts at once, wait for all, close all at once in an order of chance; again and again."""
    chance = random.Random(seed)
    for name in parts:  # one after another: while torch is imported here, no other part could hear its clock
        async with PARTS[name]():
            pass
    for _ in range(count):
        everything_open = asyncio.Barrier(len(parts))

        async def one(name: str, open_all: asyncio.Barrier = everything_open) -> None:
            async with PARTS[name]():
                await open_all.wait()
                await asyncio.sleep(chance.uniform(0, 0.05))

        await asyncio.gather(*map(one, chance.sample(parts, len(parts))))
        print("closed", flush=True)


async def lived(count: int, seed: int, parts: list[str], folder: Path) -> tuple[int, int]:
    """How often one process closed everything, and with which status it ended."""
    place = folder / str(seed)
    place.mkdir()
    place.chmod(0o1777)
    command = [sys.executable, __file__, "--process", "--rounds", str(count), "--seed", str(seed), "--parts", *parts]
    with (place / "stderr").open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=place, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=asyncio.subprocess.PIPE, stderr=errors
        )
        try:
            out, _ = await asyncio.wait_for(process.communicate(), LIMIT_S)
        except TimeoutError:
            process.kill()
            out, _ = await process.communicate()
    if process.returncode:
        print((place / "stderr").read_text(errors="replace")[-8000:], file=sys.stderr)
        for core in place.glob("core*"):
            stacks = ["gdb", "-batch", "-ex", "thread apply all backtrace", sys.executable, str(core)]
            await asyncio.to_thread(subprocess.run, stacks, stdout=sys.stderr, check=False)
    shutil.rmtree(place, ignore_errors=True)
    return out.count(b"closed"), process.returncode or 0


async def main(given: argparse.Namespace) -> int:
    """Returns how many processes ended badly."""
    from server.store.embedded.postgres import EmbeddedPostgres

    parts = [name for name in PARTS if name not in given.without]
    folder = Path(tempfile.mkdtemp(prefix="ml-", dir="/tmp"))
    folder.chmod(0o755)
    postgres, gate, ended = EmbeddedPostgres(folder / "data"), asyncio.Semaphore(given.at_once), Counter[str]()
    closings = 0
    try:
        os.environ[DATABASE] = postgres.start().render_as_string(hide_password=False)

        async def one(seed: int) -> None:
            nonlocal closings
            async with gate:
                closed, status = await lived(given.rounds, seed, parts, folder)
            closings += closed
            ended[signal.Signals(-status).name if status < 0 else f"status {status}"] += 1

        await asyncio.gather(*map(one, range(given.seed, given.seed + -(-given.closings // given.rounds))))
    finally:
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)
    arguments = {"parts": parts, "closings": given.closings, "rounds": given.rounds, "at_once": given.at_once, "seed": given.seed}
    record("closings", arguments, {"closings": closings, "processes": dict(ended)})
    return ended.total() - ended["status 0"]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--closings", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--at-once", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--without", nargs="+", choices=list(PARTS), default=[])
    parser.add_argument("--process", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--parts", nargs="+", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.process:
        faulthandler.enable()
        resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        asyncio.run(rounds(chosen.rounds, chosen.seed, chosen.parts))
    else:
        sys.exit(1 if asyncio.run(main(chosen)) else 0)
