"""Attacks of every class that the machine has material for, and one table: class, tried, handled, leaked, crashed, hung.

python benchmarks/fortress.py [--corpora DIR] [--requests 2000] [--examples 40] [--scans 200] [--kills 20]
    [--seconds 30] [--only CLASS ...]

`handled` is a result or an error by name within its limit; `leaked` a refused address that was let through, or a process or file
that was left; `crashed` an error without a name; `hung` what took longer than its limit and HUNG_S. Needs loopback alone.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

from aiohttp import web
from api_shapes import api_shapes
from fuzzing import all_targets, fuzzing
from load import load
from record import record
from rich.console import Console
from rich.table import Table
from standstill import standstill
from sudden_death import sudden_death
from yarl import URL

from server.app import create_app
from server.contract.errors import MedlensError
from server.contract.records import Source
from server.dedupe.decode_pool import DecodePool
from server.extract.readers import extract_pdf
from server.logs import configure
from server.settings import Settings
from server.source.address import normalise
from server.source.guard import Guard
from server.web.connection import Runner
from server.web.http.keys import LIMITER
from server.web.http.limits import Rate
from tests.web.raw_requests import mutated, say  # fortress_service.py has put the repository on the path

ROOT = Path(__file__).resolve().parents[1]
AT_ONCE = 2
HUNG_S = 15.0  # beyond a class's own limit, before it counts as hung
PDF_S = 20.0
SCANS_AT_ONCE = 20
PUBLIC = {"8.8.8.8", "172.32.0.1"}  # in the list to see that not everything is refused
Tally: TypeAlias = "Counter[str]"
Attack: TypeAlias = Callable[[argparse.Namespace], Awaitable[Tally]]


async def each(things: Iterable[Any], limit_s: float, attack: Callable[[Any], Awaitable[str]]) -> Tally:
    """How `attack` of each thing ended: what it returned, `handled` for an error by name, `crashed` for another, or `hung`."""
    gate, tally = asyncio.Semaphore(AT_ONCE), Counter[str]()

    async def one(thing: Any) -> None:
        async with gate:
            try:
                async with asyncio.timeout(limit_s + HUNG_S):
                    ended = await attack(thing)
            except TimeoutError:
                ended = "hung"
            except MedlensError:
                ended = "handled"
            except Exception as error:
                print(f"{thing}: {type(error).__name__}: {error}", file=sys.stderr)
                ended = "crashed"
        tally[ended] += 1

    await asyncio.gather(*map(one, things))
    return tally


async def documents(given: argparse.Namespace) -> Tally:
    settings = Settings(pdf_timeout_s=PDF_S)

    async def read(path: Path) -> str:
        async with aclosing(extract_pdf(Source("pdf", path.name, path=path), settings)) as founds:
            async for _ in founds:
                pass
        return "handled"

    return await each(files(given.corpora / "pdf"), PDF_S, read)


async def images(given: argparse.Namespace) -> Tally:
    settings = Settings()
    async with DecodePool(settings) as pool:

        async def look(path: Path) -> str:
            await pool.look(path.read_bytes())
            return "handled"

        return await each(files(given.corpora / "images"), settings.image_timeout_s, look)


async def addresses(given: argparse.Namespace) -> Tally:
    """Every one of them is refused, but for the public neighbours of denied networks that stand among them."""
    guard = Guard(Settings())
    lines = (given.corpora / "ssrf" / "urls.txt").read_text(encoding="utf-8").splitlines()

    async def ask(line: str) -> str:
        url = URL(normalise(line.partition("\t")[2]), encoded=True)
        if set(await guard.resolve(url.raw_host or "", url.port or 443)) <= PUBLIC:
            return "handled"
        print(f"let through: {url}", file=sys.stderr)
        return "leaked"

    return await each([line for line in lines if "\t" in line], 15.0, ask)


async def requests(given: argparse.Namespace) -> Tally:
    """Whole requests with bytes changed, cut out, put in and doubled."""
    chance = random.Random(given.seed)
    async with served() as (port, token):
        host = b"Host: 127.0.0.1:%d\r\nConnection: close\r\nAuthorization: Bearer %s\r\n" % (port, token.encode())
        form = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n\x89PNG\r\n--x--\r\n'
        kinds = [
            (b"GET /api/scans?limit=3&q=a", b"", b""),
            (
                b"POST /login",
                b"Content-Type: application/x-www-form-urlencoded\r\nOrigin: http://127.0.0.1:%d\r\n" % port,
                b"token=a",
            ),
            (b"POST /api/scans", b"Content-Type: multipart/form-data; boundary=x\r\n", form),
            (b"POST /api/scans", b"Content-Type: application/json\r\n", b'{"url": "https://192.0.2.1/", "options": {}}'),
            (b"GET /images/%s" % (b"0" * 64), b"Accept: text/html\r\nCookie: medlens_session=x\r\n", b""),
        ]

        async def send(_: int) -> str:
            line, headers, body = chance.choice(kinds)
            length = b"Content-Length: %d\r\n" % len(body) if body else b""
            sent = mutated(line + b" HTTP/1.1\r\n" + host + headers + length + b"\r\n" + body, chance)
            try:
                answer = await say(("127.0.0.1", port), sent, patience_s=0.5)
            except TimeoutError:  # it waits for the rest of the request
                answer = b""
            ours = answer.startswith(b"HTTP/1.1 5") or b"Traceback" in answer
            return "crashed" if ours else "leaked" if b"aiohttp" in answer.lower() else "handled"

        return await each(range(given.requests), 5.0, send)


def files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file()]


@asynccontextmanager
async def served() -> AsyncIterator[tuple[int, str]]:
    """The web application on a free port, in this process."""
    folder = Path(tempfile.mkdtemp(prefix="ml-", dir="/tmp"))
    folder.chmod(0o755)
    app = create_app(Settings(data_dir=folder / "data"))
    app[LIMITER].rates = dict.fromkeys(app[LIMITER].rates, Rate(burst=10**9, per_second=10**9))
    runner = Runner(app, shutdown_timeout=1, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield runner.addresses[0][1], (folder / "data" / "token").read_text().strip()
    finally:
        await runner.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


async def deaths(given: argparse.Namespace) -> Tally:
    return await sudden_death(given.kills, given.seed)


async def shapes(given: argparse.Namespace) -> Tally:
    async with served() as (port, token):
        return await api_shapes(port, token, given.examples)


async def crowds(given: argparse.Namespace) -> Tally:
    tally, figures = await load(SCANS_AT_ONCE, given.scans)
    print(figures, file=sys.stderr)
    return tally


async def fuzzed(given: argparse.Namespace) -> Tally:
    return await fuzzing(given.seconds, all_targets(), given.corpora)


async def still(_: argparse.Namespace) -> Tally:
    return await standstill()


CLASSES: dict[str, Attack] = {
    "broken PDFs": documents,
    "broken images": images,
    "fuzzed files and addresses": fuzzed,
    "SSRF addresses": addresses,
    "malformed requests": requests,
    "requests by the OpenAPI": shapes,
    "load": crowds,
    "sudden death": deaths,
    "standstill and full disk": still,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpora", type=Path, default=ROOT.parent / "shared" / "corpora")
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--examples", type=int, default=40, help="requests of each kind for each operation of the API")
    parser.add_argument("--scans", type=int, default=200, help="in a row")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seconds", type=int, default=30, help="of fuzzing, for each target")
    parser.add_argument("--seed", type=int, default=14)
    parser.add_argument("--only", nargs="+", choices=list(CLASSES), default=list(CLASSES))
    given = parser.parse_args()
    table = Table("class", "tried", "handled", "leaked", "crashed", "hung", title="Attacks")
    configure(Settings(log_level="error"))
    failed = 0
    for name in given.only:
        tally = asyncio.run(CLASSES[name](given))
        bad = {outcome: tally[outcome] for outcome in ("leaked", "crashed", "hung")}
        failed += sum(bad.values())
        tried = tally["handled"] + sum(bad.values())
        table.add_row(name, str(tried), str(tally["handled"]), *map(str, bad.values()))
        arguments = {name: value for name, value in vars(given).items() if name not in ("corpora", "only")}
        record("fortress", {"class": name} | arguments, dict(tally))
    Console().print(table)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
