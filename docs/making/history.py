"""A month of somebody's use, made with the real service: scans of pages, a PDF, files and a DICOM slice, a few corrections.

What was done in a minute is then spread over the days in the database, and the local site's pages get the names of their hosts.
"""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
from sqlalchemy import text

from docs.making.places import GONE, PAGES, PAPER, build, dicom_file, dropped, pictures, put
from server.contract.records import FINISHED
from server.settings import Settings
from server.store.database import Database
from tests.service.conftest import Service
from tests.site import Site

AT_ONCE = 6
PATIENCE_S = 300
# What a person says of an image, by a word of its address.
SAID = {
    "chest-0": "xray",
    "hand-0": "xray",
    "liver-0": "ultrasound",
    "abdomen-2": "mri",
    "retina-0": "other_medical",
    "head-1": "ct",
}

NAMED = """
UPDATE scans SET target = replace(target, :local, 'https://'), url = replace(url, :local, 'https://'),
    error_message = replace(error_message, :local, 'https://'),
    host = split_part(replace(url, :local, ''), '/', 1) WHERE url LIKE :local || '%'
"""
PLACED = "UPDATE scan_images SET places = replace(places::text, :local, 'https://')::jsonb"
# The demonstration's main scans stay today's; the others go back, unevenly, none in the night.
SPREAD = """
WITH aged AS (
    SELECT id, row_number() OVER (ORDER BY created_at DESC) AS n, count(*) OVER () AS all_of FROM scans
), moved AS (
    SELECT id, ((n - 4) * (n - 4) * 31.0 / all_of / all_of + 0.2) * interval '1 day' + ((n * 37) % 9) * interval '47 minutes' AS by
    FROM aged WHERE n > 4
)
UPDATE scans SET created_at = created_at - by, started_at = started_at - by, finished_at = finished_at - by
FROM moved WHERE moved.id = scans.id
"""
SAID_BEFORE = "UPDATE feedback SET created_at = created_at - ((SELECT max(id) FROM feedback) - id) * interval '40 hours'"


async def scan(session: aiohttp.ClientSession, gate: asyncio.Semaphore, **body: Any) -> dict[str, Any]:
    """Ask for a scan and wait for its end; gives the Report."""
    async with gate:
        async with session.post("/api/scans", **body) as answer:
            assert answer.status == 202, await answer.text()
            path = (await answer.json())["report"]
        async with asyncio.timeout(PATIENCE_S):
            while True:
                async with session.get(path) as answer:
                    report: dict[str, Any] = await answer.json()
                if report["status"] in FINISHED:
                    return report
                await asyncio.sleep(0.5)


def form(files: list[tuple[str, bytes]]) -> aiohttp.FormData:
    data = aiohttp.FormData()
    for name, content in files:
        data.add_field("files", content, filename=name, content_type="application/octet-stream")
    return data


async def live(service: Service, site: Site) -> dict[str, str]:
    """Scan everything, correct some, spread it over the days. Gives the ids of the scans to show, by name."""
    made = pictures()
    build(site, made)
    gate = asyncio.Semaphore(AT_ONCE)
    headers = {"Authorization": f"Bearer {service.token}"}
    async with aiohttp.ClientSession(service.address, headers=headers) as session:

        async def of(address: str) -> dict[str, Any]:
            return await scan(session, gate, json={"url": site.url(f"/{address}")})

        async def files(*given: tuple[str, bytes]) -> dict[str, Any]:
            return await scan(session, gate, data=form(list(given)))

        shown, *others = PAGES
        # The oldest come first: what is asked last is newest.
        reports = await asyncio.gather(*(of(address) for address in others))
        await asyncio.gather(*(of(address) for address in (*others[::3], *others[1::3])))
        await asyncio.gather(files(*dropped(made, ("biopsy-2", "hand-2", "spine-3", "hills-3"))), *(of(one) for one in others[::2]))
        await asyncio.gather(*(of(address) for address in reversed(others)))
        put(site, shown, before=True)
        await of(shown)
        put(site, shown)
        await of(GONE)
        dicom, article = await files(dicom_file()), await of(PAPER)
        main = await of(shown)
        found = by_name([*reports, main])
        for word, modality in SAID.items():
            async with session.post(f"/api/images/{found[word]}/feedback", json={"modality": modality}) as answer:
                assert answer.status == 200, await answer.text()
    await spread(service, site.url("/"))
    return {
        "main": main["id"],
        "paper": article["id"],
        "dicom": dicom["id"],
        "image": found["abdomen-0"],
        "doubt": found["retina-0"],
    }


def by_name(reports: list[dict[str, Any]]) -> dict[str, str]:
    """The SHA-256 of each picture, by its name."""
    places = (
        (image["sha256"], place["url"] or "") for report in reports for image in report["images"] for place in image["places"]
    )
    return {url.rpartition("/")[2].removesuffix(".jpg"): sha256 for sha256, url in places}


async def spread(service: Service, local: str) -> None:
    async with Database(Settings(data_dir=service.folder)) as database, database.begin() as connection:
        for statement in (NAMED, PLACED):
            await connection.execute(text(statement), {"local": local})
        await connection.execute(text(SPREAD))
        await connection.execute(text(SAID_BEFORE))
        await connection.execute(text("ANALYZE"))
