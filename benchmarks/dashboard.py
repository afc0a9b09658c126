"""Every page of the dashboard over real HTTP, on a database as large as years of use: 100,000 scans, 1,000,000 images.

    .venv/bin/python benchmarks/dashboard.py --scans 100000 --rounds 40

Seeds a throw-away embedded Postgres (tests/store/full_seed.sql; minutes at the full size), starts the web application, signs in,
and asks each page one after the other, as one person does. p50 and p95 are of whole answers, in milliseconds, the first two rounds
left out (`first` is the very first). Images of charts are asked apart from their page, as a browser does. Appends to
results/dashboard.jsonl.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from io import BytesIO
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from aiohttp import ClientSession, CookieJar, web  # noqa: E402 - run as a script
from PIL import Image  # noqa: E402
from pydantic import SecretStr  # noqa: E402
from record import record  # noqa: E402
from sqlalchemy import text  # noqa: E402

from server.app import create_app  # noqa: E402
from server.settings import Settings  # noqa: E402
from server.store.database import Database  # noqa: E402
from server.web.pages.login import login_link  # noqa: E402
from tests.store.full_seed import seed  # noqa: E402

WARM_UP = 2
EACH = 10  # images a scan
TOKEN = "a-token-for-this-benchmark-alone"


def pages(scan: str, image: str, many: str) -> dict[str, str]:
    """What is asked, by a name for the results."""
    return {
        "history": "/",
        "history, CT": "/?modality=ct",
        "history, ultrasound": "/?modality=ultrasound",
        "history, uncertain": "/?uncertain=true",
        "history, corrected": "/?corrected=true",
        "history, failed": "/?status=failed",
        "history, words": "/?q=case+777",
        "history, from a day": "/?from=2026-01-01&to=2026-02-01",
        "new": "/new",
        "scan": f"/scans/{scan}",
        "image": f"/images/{image}",
        "image, in thousands of scans": f"/images/{many}",
        "figures, 90 days": "/statistics",
        "figures, all time": "/statistics?days=0",
        "figures, a chart": "/statistics/images.svg?days=0",
        "api stats": "/api/stats",
        "review": "/review",
        "review, next": "/api/review",
        "corrections": "/corrections",
        "settings": "/settings",
    }


async def measure(scans: int, rounds: int, folder: Path) -> dict[str, Any]:
    settings = Settings(data_dir=folder, token=SecretStr(TOKEN))
    webp = BytesIO()
    Image.effect_noise((64, 48), 60).convert("RGB").save(webp, "WEBP")  # small: half a million are kept
    async with Database(settings) as database:
        await database.migrate()
        began = time.perf_counter()
        await seed(
            database,
            scans,
            EACH,
            webp.getvalue(),
            lambda step: print(f"{time.perf_counter() - began:6.1f} s  {step}", flush=True),
        )
        seeded = time.perf_counter() - began
        async with database.begin() as connection:
            scan, image = (
                await connection.execute(text("SELECT id::text, previews[1] FROM scans WHERE cardinality(previews) > 3 LIMIT 1"))
            ).one()
            many = str(await connection.scalar(text("SELECT encode(sha256('0'::bytea), 'hex')")))
            size = await connection.scalar(text("SELECT pg_database_size(current_database())"))
        runner = web.AppRunner(create_app(settings), access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        try:
            async with ClientSession(f"http://127.0.0.1:{port}", cookie_jar=CookieJar(unsafe=True)) as person:
                code = (await login_link(database, settings, port)).partition("code=")[2]
                await person.post("/login", data={"code": code}, headers={"Origin": f"http://127.0.0.1:{port}"})
                found = {name: await asked(person, path, rounds) for name, path in pages(scan, image, many).items()}
        finally:
            await runner.cleanup()
    slowest = max(found.values(), key=lambda one: one["p95"])["p95"]
    return {"pages_ms": found, "slowest_p95_ms": slowest, "seeded_s": round(seeded, 1), "database_mb": round(size / 1e6)}


async def asked(person: ClientSession, path: str, rounds: int) -> dict[str, float]:
    times = []
    for _ in range(WARM_UP + rounds):
        began = time.perf_counter()
        async with person.get(path, headers={"Accept": "text/html"}, allow_redirects=False) as answer:
            body = await answer.read()
            assert answer.status == 200, (path, answer.status, body[:200])
        times.append((time.perf_counter() - began) * 1000)
    kept = sorted(times[WARM_UP:])
    p95 = kept[min(len(kept) - 1, round(0.95 * len(kept)))]
    print(f"{path[:60]:60} first {times[0]:7.1f}  p50 {statistics.median(kept):6.1f}  p95 {p95:6.1f}", flush=True)
    return {"first": round(times[0], 1), "p50": round(statistics.median(kept), 1), "p95": round(p95, 1)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scans", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=40)
    arguments = parser.parse_args()
    about = {
        "scans": arguments.scans,
        "images": arguments.scans * EACH,
        "rounds": arguments.rounds,
        "load_before": round(os.getloadavg()[0], 1),
    }
    with tempfile.TemporaryDirectory(prefix="ml-", dir="/tmp") as place:
        Path(place).chmod(0o755)  # as root the database runs as another user, who has to get in
        record("dashboard", about, asyncio.run(measure(arguments.scans, arguments.rounds, Path(place))))
