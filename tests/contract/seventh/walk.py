"""Runs in a copy of the project whose modalities.json has a seventh entry: what each part shows of it, as JSON on standard output.

The database that MEDLENS_DATABASE_URL names holds a scan from before. The first argument is that scan's id.
"""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
import sys
import zipfile
from typing import Any

from aiohttp.test_utils import TestClient, TestServer
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from rich.console import Console
from sqlalchemy import Connection

from server.app import create_app
from server.cli.report_table import show
from server.clustering.output import COLOURS, NAMES
from server.settings import load_settings
from server.store import scans
from server.store.columns import metadata
from server.web.http.keys import DATABASE
from tests.judged import MODEL, digest, judged
from tests.web.conftest import webp

NEW = "nuclear"


def drift(connection: Connection) -> list[str]:
    only_ours = {"include_object": lambda _, name, kind, *__: not (kind == "table" and str(name).startswith("procrastinate_"))}
    return [str(one) for one in compare_metadata(MigrationContext.configure(connection, opts=only_ours), metadata)]


async def walk(before: str) -> dict[str, Any]:
    settings = load_settings()
    assert settings.token
    app = create_app(settings)
    headers = {"Authorization": f"Bearer {settings.token.get_secret_value()}"}
    async with TestClient(TestServer(app, host="127.0.0.1"), headers=headers) as client:
        images = [
            judged("n", NEW, 0.97, thumbnail=webp()),
            judged("u", "ct", 0.5, uncertain=True, thumbnail=webp(9)),
        ]
        probabilities = images[1].verdict.probabilities | {NEW: 0.4, "xray": 0.1, "mri": 0.0, "ultrasound": 0.0}
        object.__setattr__(images[1].verdict, "probabilities", probabilities)
        database = app[DATABASE]
        scan = await scans.create(database, kind="page", target="https://example.org/", url="https://example.org/", title="New")
        await scans.start(database, scan, MODEL)
        await scans.finish(database, scan, status="done", model_version=MODEL, found=2, images=images)

        async def get(path: str) -> str:
            answer = await client.get(path)
            assert answer.status == 200, (path, answer.status, await answer.text())
            return await answer.text()

        report = json.loads(await get(f"/api/scans/{scan}"))
        terminal = io.StringIO()
        show(report, Console(file=terminal, width=160))
        async with client.get(f"/api/scans/{scan}/export.zip") as answer, database.begin() as connection:
            packed = zipfile.ZipFile(io.BytesIO(await answer.read()))
            differs = await connection.run_sync(drift)
        page = await get(f"/images/{digest('n')}")
        told: dict[str, Any] = {
            "report": report,
            "old report": json.loads(await get(f"/api/scans/{before}")),
            "history": [one["id"] for one in json.loads(await get(f"/api/scans?modality={NEW}"))["scans"]],
            "history page": await get(f"/?modality={NEW}"),
            "csv": list(csv.DictReader(io.StringIO(await get("/api/export.csv")))),
            "zip": packed.namelist(),
            "zip readme": packed.read("README.txt").decode(),
            "stats": json.loads(await get("/api/stats"))["total"]["by_modality"],
            "chart": next(csv.reader(io.StringIO(await get("/statistics/images.csv?days=0")))),
            "keys": re.findall(r'data-correct="(\w+)"[^>]*><kbd>(\w)</kbd>', page),
            "css": await get("/static/css/modalities.css"),
            "terminal": terminal.getvalue(),
            "sheet": [COLOURS[NEW], NAMES[NEW]],
            "corrected": (await client.post(f"/api/images/{digest('u')}/feedback", json={"modality": NEW})).status,
            "refused": (await client.post(f"/api/images/{digest('u')}/feedback", json={"modality": "none"})).status,
            "openapi": NEW in await get("/api/openapi.json"),
            "drift": differs,
        }
        return told


if __name__ == "__main__":
    sys.stdout.write("\n" + json.dumps(asyncio.run(walk(sys.argv[1]))))
