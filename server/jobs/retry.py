"""The retry policy: when a scan is run again, and when it is given up. Times are in seconds.

A scan is run again when its worker stopped or died, or when it ended in an error that may pass: one of the database, or an
unexpected one. After MAX_ATTEMPTS dead workers or unexpected errors it fails. Any other MedlensError fails it at once.
"""

from __future__ import annotations

import logging
from datetime import datetime
from uuid import UUID

from procrastinate import BaseRetryStrategy, RetryDecision
from procrastinate.jobs import Job

from server.contract.errors import MedlensError, StoreError
from server.contract.records import ScanError
from server.store import requeue, scans
from server.store.database import Database

# The first failure may be bad luck (a restart, full memory), the second a coincidence; the third is attributed to the scan.
MAX_ATTEMPTS = 3
HEARTBEAT_INTERVAL_S = 1.0
# A worker without a heartbeat for this long is dead. Nothing blocks a worker's event loop for that long (importing torch blocks it
# for about two seconds), and a scan of a dead worker starts again within ten seconds.
DEAD_AFTER_S = 6.0
# A queued scan without a job gets one after this time: the process that created it died before it created the job.
LOST_AFTER_S = 30.0
# A running scan without a job fails after this time: it belonged to `medlens scan`, and no scan takes an hour.
ABANDONED_AFTER_S = 3600.0

log = logging.getLogger(__name__)


class RetryScan(Exception):
    """Raised by a job to be put back on the queue, at once or for the moment `at`."""

    def __init__(self, at: datetime | None = None) -> None:
        super().__init__()
        self.at = at


class RetryOnRequest(BaseRetryStrategy):
    """Runs a job again that raised RetryScan. The limit is counted with the scan (MAX_ATTEMPTS): stopped workers do not count."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:
        return RetryDecision(retry_at=exception.at) if isinstance(exception, RetryScan) else None


async def fail_or_retry(database: Database, scan_id: UUID, error: Exception) -> None:
    """End the scan with `error`, or set it to queued again and raise RetryScan."""
    try:
        final = isinstance(error, MedlensError) and not isinstance(error, StoreError)
        if final or await requeue.count_worker_death(database, scan_id) >= MAX_ATTEMPTS:
            code = error.code if isinstance(error, MedlensError) else MedlensError.code
            message = str(error) if isinstance(error, MedlensError) else "something went wrong in medlens; its log says what"
            await scans.finish(database, scan_id, status="failed", error=ScanError(code, message))
            return
        await requeue.put_back(database, scan_id)
    except StoreError as store_error:
        log.warning("scan %s is put back: %s", scan_id, store_error)
    raise RetryScan
