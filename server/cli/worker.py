"""`medlens worker`: a process that runs the scans on the queue, with a browser and models that stay open between scans."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from uuid import UUID

    from server.settings import Settings

Concurrency = Annotated[int | None, typer.Option(min=1, help="Scans in hand at once.")]
Attached = Annotated[int | None, typer.Option(hidden=True, help="Leave with this process, which holds our standard input open.")]


def worker(concurrency: Concurrency = None, attached: Attached = None) -> None:
    """Scan what is queued, on this or another machine with the same MEDLENS_DATABASE_URL."""
    from server.cli import ending

    if attached is not None:
        ending.attach(attached)
    from server.settings import load_settings

    settings = load_settings(**({"scans_at_once": concurrency} if concurrency else {}))
    asyncio.run(work_until_asked_to_end(settings, attached=attached))


async def work_until_asked_to_end(settings: Settings, *, attached: int | None) -> None:
    """Work until SIGINT, SIGTERM or the loss of the process `attached`; then end the process.

    Scans in progress go back on the queue.
    """
    from server.cli.ending import until_asked
    from server.logs import configure

    configure(settings)
    await until_asked(_work(settings), attached=attached)


async def _work(settings: Settings) -> None:
    """Work until cancelled, which may happen while the database or the models are still being opened."""
    from server.jobs.worker import run_worker
    from server.logs import scan_bound
    from server.scan.resources import open_resources
    from server.scan.runner import ScanRunner
    from server.store.database import Database

    async with Database(settings) as database, open_resources(settings) as resources:
        await database.migrate()
        runner = ScanRunner(database, resources)

        async def run_scan(scan_id: UUID) -> None:
            with scan_bound(scan_id):
                await runner.run_scan(scan_id)

        warming = asyncio.create_task(resources.warm(), name="warm up")
        try:
            await run_worker(database, settings, run_scan, runner.explain)
        finally:
            warming.cancel()
            await asyncio.gather(warming, return_exceptions=True)
