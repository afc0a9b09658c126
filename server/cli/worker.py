"""`medlens worker`: a process that runs the scans on the queue, with a browser and models that stay open between scans."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from uuid import UUID

    from server.settings import Settings

Concurrency = Annotated[int | None, typer.Option(min=1, help="Scans in hand at once.")]
Attached = Annotated[bool, typer.Option(hidden=True, help="Leave when standard input ends, as it does with the server.")]


def worker(concurrency: Concurrency = None, attached: Attached = False) -> None:
    """Scan what is queued, on this or another machine with the same MEDLENS_DATABASE_URL."""
    from server.settings import load_settings

    settings = load_settings(**({"scans_at_once": concurrency} if concurrency else {}))
    asyncio.run(work_until_asked_to_end(settings, attached=attached))


async def work_until_asked_to_end(settings: Settings, *, attached: bool) -> NoReturn:
    """Work until SIGINT, SIGTERM or (attached) the end of standard input; then end the process.

    Scans in progress go back on the queue.
    """
    from contextlib import suppress

    from server.cli.ending import leave, listen
    from server.logs import configure

    configure(settings)
    asked_to_end = listen(attached=attached)
    working = asyncio.create_task(_work(settings), name="work")
    ending = asyncio.create_task(asked_to_end.wait(), name="wait for the end")
    await asyncio.wait((working, ending), return_when=asyncio.FIRST_COMPLETED)
    for task in (working, ending):
        task.cancel()
    with suppress(asyncio.CancelledError):
        await working
    leave()


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
