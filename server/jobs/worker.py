"""The worker: takes scans from the queue and runs several at once.

No scan is lost, however a worker ends. A worker that is stopped (its task is cancelled) puts its running scans back on the queue.
When it is killed, its heartbeat stops, and another worker, or the same one after a restart, runs those scans again (recovery.py).

With MEDLENS_HOST_DELAY_S a scan whose host must rest goes back on the queue until its turn, so that it keeps no other scan waiting.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from uuid import UUID

from procrastinate import App, JobContext
from procrastinate.exceptions import JobAborted
from procrastinate.job_context import AbortReason

from server.contract.errors import Cancelled, StoreError
from server.jobs import heatmaps
from server.jobs.heatmaps import Explain
from server.jobs.queue import DATABASE_AWAY, QUEUE, TASK, open_app
from server.jobs.recovery import recover, sweep
from server.jobs.retry import DEAD_AFTER_S, HEARTBEAT_INTERVAL_S, RetryOnRequest, RetryScan, fail_or_retry
from server.settings import Settings
from server.store import requeue, scans
from server.store.database import Database
from server.store.deletion import purge
from server.store.host_turns import take_turn

POLL_S = 2.0  # the longest wait of a scan whose notification was lost, or that was put back
GRACE_S = 0.5  # lets a scan that is about to end do so; short, so that Ctrl-C does not seem to hang
RECOVER_EVERY_S = (
    1.5  # longer than HEARTBEAT_INTERVAL_S, so that a worker that was suspended has a heartbeat before the next recovery
)
SWEEP_EVERY = 10  # rounds of recovery
PURGE_EVERY = 40  # rounds; deleted scans are erased within two minutes
RESTART_S = 2.0  # between attempts to reach a database that went away
SPARE_CONNECTIONS = 2  # beside one for each running scan

RunScan = Callable[[UUID], Awaitable[None]]
log = logging.getLogger(__name__)


async def run_worker(
    database: Database,
    settings: Settings,
    run_scan: RunScan,
    explain: Explain | None = None,
    *,
    ready: asyncio.Event | None = None,
    dead_after_s: float = DEAD_AFTER_S,
) -> None:
    """Work until cancelled. `run_scan(scan_id)` runs one scan to its end; it is cancelled when the scan is to stop.

    The status of a cancelled scan is set here, not by `run_scan`. `ready` is set when the worker takes scans. When the database
    goes away, the worker waits for it.
    """
    while True:
        try:
            async with open_app(database, settings.scans_at_once + SPARE_CONNECTIONS).open_async() as app:
                _register(app, database, settings, run_scan)
                await _work(app, database, settings, explain, ready, dead_after_s)
        except (*DATABASE_AWAY, StoreError, OSError) as error:
            # When the worker is cancelled while the database is away, closing the queue fails, and that error replaces the
            # cancellation.
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise asyncio.CancelledError from error
            log.warning("the worker lost its database and tries again: %s", error)
        await asyncio.sleep(RESTART_S)


async def _work(
    app: App, database: Database, settings: Settings, explain: Explain | None, ready: asyncio.Event | None, dead_after_s: float
) -> None:
    tasks = [asyncio.create_task(_maintain(app, database, settings, dead_after_s), name="maintenance")]
    if explain:
        tasks.append(asyncio.create_task(heatmaps.serve(database, explain), name="make heat maps"))
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
            update_heartbeat_interval=HEARTBEAT_INTERVAL_S,
            stalled_worker_timeout=dead_after_s,
        )
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _register(app: App, database: Database, settings: Settings, run_scan: RunScan) -> None:
    """Register the only task: to run a scan, by its id."""

    @app.task(name=TASK, queue=QUEUE, pass_context=True, retry=RetryOnRequest())
    async def scan(context: JobContext, scan_id: str, caller: str = "") -> None:  # `caller` is read by the queue's SQL
        try:
            await _run(database, settings, UUID(scan_id), context, run_scan)
        except RetryScan:
            with suppress(asyncio.CancelledError):  # this worker is stopping: another one recovers the scan
                await _until_reached(database, app)
            raise


async def _run(database: Database, settings: Settings, scan_id: UUID, context: JobContext, run_scan: RunScan) -> None:
    """Run the scan to its end, or raise RetryScan or JobAborted."""
    try:
        if settings.host_delay_s:
            await _wait_for_host(database, scan_id, settings.host_delay_s)
        await run_scan(scan_id)
    except RetryScan:
        raise
    except asyncio.CancelledError:
        await _cancel_or_put_back(database, scan_id, context)
    except StoreError as error:
        log.warning("scan %s was broken off: %s", scan_id, error)
        await fail_or_retry(database, scan_id, error)
    except Exception as error:
        log.exception("scan %s failed", scan_id)
        await fail_or_retry(database, scan_id, error)


async def _wait_for_host(database: Database, scan_id: UUID, delay_s: float) -> None:
    """Wait until the host of the scan may be scanned again, or raise RetryScan if that takes longer than the queue's POLL_S."""
    turn = await take_turn(database, scan_id, delay_s, POLL_S)
    if not isinstance(turn, float):
        raise RetryScan(turn)
    await asyncio.sleep(turn)


async def _until_reached(database: Database, app: App) -> None:
    """Wait until both the store and the queue reach the database.

    Before that, putting a job back fails: the job stays with this worker, and as long as this worker lives no other one runs the
    scan.
    """
    while True:
        try:
            await database.ready()
            await app.check_connection_async()
        except (*DATABASE_AWAY, StoreError):
            await asyncio.sleep(RESTART_S)
        else:
            return


async def _cancel_or_put_back(database: Database, scan_id: UUID, context: JobContext) -> None:
    """End a scan whose `run_scan` was cancelled on a person's request, or put it back on the queue when this worker is stopping."""
    if context.abort_reason() is AbortReason.USER_REQUEST:
        await scans.finish(database, scan_id, status="cancelled")
        raise JobAborted(Cancelled.code)
    with suppress(StoreError):
        await requeue.put_back(database, scan_id)
    raise RetryScan


async def _maintain(app: App, database: Database, settings: Settings, dead_after_s: float) -> None:
    """Recover the scans of dead workers, and erase deleted and expired scans, until cancelled."""
    rounds, last = 0, time.time()
    while True:
        # After a suspension of the machine, every worker looks dead until its next heartbeat, including this one.
        was_suspended, last = time.time() - last > dead_after_s / 2, time.time()
        try:
            if not was_suspended:
                await recover(database, app, dead_after_s)
            if rounds % SWEEP_EVERY == 0:
                await sweep(database, app)
            if rounds % PURGE_EVERY == 0:
                await purge(database, settings.retention_days)
        except (*DATABASE_AWAY, StoreError) as error:
            log.warning("maintenance failed: %s", error)
        except Exception:  # a bug must not end the maintenance: the scans of dead workers would never be recovered
            log.exception("maintenance failed")
        rounds += 1
        await asyncio.sleep(RECOVER_EVERY_S)
