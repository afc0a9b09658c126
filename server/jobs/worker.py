"""The worker: takes scans off the queue, several at once, and has each performed. Knows the queue and the store, not the walk.

Whatever ends it, no scan is lost. Stopped (the task that runs it is cancelled), it puts back what it has in hand. Killed, it is
missed within seconds, and another worker, or its own next start, begins those scans anew (recovery.py).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from uuid import UUID

from procrastinate import App, JobContext, RetryStrategy
from procrastinate.exceptions import ConnectorException, JobAborted
from procrastinate.job_context import AbortReason

from server.contract.errors import Cancelled, MedlensError, StoreError
from server.contract.records import ScanError
from server.jobs import heatmaps
from server.jobs.heatmaps import Explain
from server.jobs.queue import QUEUE, TASK, open_app
from server.jobs.recovery import DEAD_AFTER_S, HEARTBEAT_S, MAX_DEATHS, recover, sweep
from server.settings import Settings
from server.store import requeue, scans
from server.store.database import Database
from server.store.deletion import purge

POLL_S = 2.0  # how long a lost notification can keep a scan waiting
GRACE_S = 0.5  # a scan about to end may; Ctrl-C should not be felt to hang
RECOVER_EVERY_S = 1.5  # longer than HEARTBEAT_S: a worker that woke gives its sign of life before it is looked for
SWEEP_EVERY = 10  # rounds of recovery
PURGE_EVERY = 40  # so that what was deleted is gone two minutes later at most
RESTART_S = 2.0  # between tries to reach a database that went away
SPARE_CONNECTIONS = 2  # beside one for each scan in hand

Perform = Callable[[UUID], Awaitable[None]]
log = logging.getLogger(__name__)


class _PutBack(Exception):
    """The worker stops; another is to do this scan."""


async def run_worker(
    database: Database,
    settings: Settings,
    run_scan: Perform,
    explain: Explain | None = None,
    *,
    ready: asyncio.Event | None = None,
    dead_after_s: float = DEAD_AFTER_S,
) -> None:
    """Work until cancelled. `run_scan(scan_id)` starts, walks and finishes one scan; it is cancelled when the scan is to stop.

    It need not end a scan it was cancelled in: that is done here. `ready` is set when scans are being taken. A database that goes
    away is waited for.
    """
    while True:
        try:
            async with open_app(database, settings.scans_at_once + SPARE_CONNECTIONS).open_async() as app:
                _teach(app, database, run_scan)
                await _work(app, database, settings, explain, ready, dead_after_s)
        except (ConnectorException, StoreError, OSError) as error:
            # Cancelled while the database was away, the queue's own tidying fails, and its error takes the cancellation's place.
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise asyncio.CancelledError from error
            log.warning("the worker lost its database and tries again: %s", error)
        await asyncio.sleep(RESTART_S)


async def _work(
    app: App, database: Database, settings: Settings, explain: Explain | None, ready: asyncio.Event | None, dead_after_s: float
) -> None:
    beside = [asyncio.create_task(_keep_house(app, database, settings, dead_after_s), name="keep house")]
    if explain:
        beside.append(asyncio.create_task(heatmaps.serve(database, explain), name="make heat maps"))
    if ready:
        ready.set()
    try:
        await app.run_worker_async(
            queues=[QUEUE],
            name="medlens",
            concurrency=settings.scans_at_once,
            fetch_job_polling_interval=POLL_S,
            abort_job_polling_interval=POLL_S,
            shutdown_graceful_timeout=GRACE_S,
            delete_jobs="always",
            install_signal_handlers=False,
            update_heartbeat_interval=HEARTBEAT_S,
            stalled_worker_timeout=dead_after_s,
        )
    finally:
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)


def _teach(app: App, database: Database, run_scan: Perform) -> None:
    """Register the one task: a scan, by its id."""

    @app.task(name=TASK, queue=QUEUE, pass_context=True, retry=RetryStrategy(retry_exceptions=[_PutBack]))
    async def scan(context: JobContext, scan_id: str) -> None:
        identity = UUID(scan_id)
        try:
            await run_scan(identity)
        except asyncio.CancelledError:
            await _let_go(database, identity, context)
        except Exception as error:
            log.exception("scan %s failed", scan_id)
            await _fail_or_again(database, identity, error)


async def _fail_or_again(database: Database, scan_id: UUID, error: Exception) -> None:
    """End the scan with the error, or put it back if the error may pass: the database's, or one that nobody foresaw."""
    try:
        foreseen = isinstance(error, MedlensError) and not isinstance(error, StoreError)
        if foreseen or await requeue.count_worker_death(database, scan_id) >= MAX_DEATHS:
            code = error.code if isinstance(error, MedlensError) else MedlensError.code
            shown = str(error) if isinstance(error, MedlensError) else "something went wrong in medlens; its log says what"
            await scans.finish(database, scan_id, status="failed", error=ScanError(code, shown))
            return
        await requeue.put_back(database, scan_id)
    except StoreError as again:
        log.warning("scan %s is put back: %s", scan_id, again)
    raise _PutBack


async def _let_go(database: Database, scan_id: UUID, context: JobContext) -> None:
    """`run_scan` was cancelled: because somebody asked for that, or because this worker stops."""
    if context.abort_reason() is AbortReason.USER_REQUEST:
        await scans.finish(database, scan_id, status="cancelled")
        raise JobAborted(Cancelled.code)
    with suppress(StoreError):
        await requeue.put_back(database, scan_id)
    raise _PutBack


async def _keep_house(app: App, database: Database, settings: Settings, dead_after_s: float) -> None:
    """Bring back what dead workers left, and forget what is due."""
    rounds, last = 0, time.time()
    while True:
        # After a sleep of the machine every worker looks dead, this one too, until each has had a moment to give a sign of life.
        slept, last = time.time() - last > dead_after_s / 2, time.time()
        try:
            if not slept:
                await recover(database, dead_after_s)
            if rounds % SWEEP_EVERY == 0:
                await sweep(database, app)
            if rounds % PURGE_EVERY == 0:
                await purge(database, settings.retention_days)
        except (ConnectorException, StoreError) as error:
            log.warning("could not keep house: %s", error)
        except Exception:  # a mistake of ours; without a housekeeper, what dead workers leave would lie for ever
            log.exception("could not keep house")
        rounds += 1
        await asyncio.sleep(RECOVER_EVERY_S)
