"""Rate limits by caller and kind of request, as token buckets in memory, and the limits on the sizes of request bodies.

They stop a runaway script from filling the queue; they are no quota.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from server.contract.errors import TooManyRequests

KIB, MIB = 1024, 1024 * 1024

# An address is at most 8 KiB in browsers; the rest is options and corrections.
MAX_JSON_BYTES = 64 * KIB
# A folder of images dropped on the page; for more there is `medlens scan FOLDER`.
MAX_FILES = 200
# A form field beside the files, the options.
MAX_FIELD_BYTES = 8 * KIB
MAX_FILE_NAME = 200
# Scans that wait for a worker, of all callers together: hours of work.
MAX_QUEUED = 1000
QUEUE_RETRY_S = 60
# Each holds up to MAX_DOWNLOAD_BYTES in memory until it is stored.
UPLOADS_AT_ONCE = 3
UPLOAD_RETRY_S = 5
# Callers whose buckets are kept; the one idle for longest is dropped first.
MAX_BUCKETS = 10_000

Kind: TypeAlias = Literal["scan", "read", "login"]


@dataclass(frozen=True, slots=True)
class Rate:
    """`burst` requests at once, then `per_second`."""

    burst: int
    per_second: float


RATES: dict[Kind, Rate] = {
    # A person who pastes a list of links, then steadily more than a worker scans.
    "scan": Rate(burst=120, per_second=2),
    # A gallery of 500 thumbnails at once, or an extension that looks up every tab.
    "read": Rate(burst=2000, per_second=200),
    # Guesses of codes and tokens, by address: people mistype, and 256 bits cannot be guessed.
    "login": Rate(burst=20, per_second=0.2),
}


class Limiter:
    """`take` counts one request. `clock` gives seconds, and is a parameter only for tests."""

    def __init__(self, rates: dict[Kind, Rate] | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.rates = rates if rates is not None else RATES
        self._clock = clock
        self._buckets: OrderedDict[tuple[Kind, str], tuple[float, float]] = OrderedDict()

    def take(self, kind: Kind, caller: str) -> None:
        """Raises TooManyRequests, with the seconds until the next one is allowed."""
        rate, now = self.rates[kind], self._clock()
        left, seen = self._buckets.pop((kind, caller), (float(rate.burst), now))
        left = min(float(rate.burst), left + (now - seen) * rate.per_second)
        passes = left >= 1
        self._buckets[kind, caller] = (left - 1 if passes else left, now)
        if len(self._buckets) > MAX_BUCKETS:
            self._buckets.popitem(last=False)
        if not passes:
            wait = max(1, math.ceil((1 - left) / rate.per_second))
            raise TooManyRequests(f"too many requests; wait {wait} s", wait)

    def forget(self) -> None:
        """Forget all callers, as a restart does."""
        self._buckets.clear()
