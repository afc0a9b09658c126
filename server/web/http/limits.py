"""How much one caller may ask for: token buckets in memory, by caller and kind of request, and the sizes of request bodies.

A limit here keeps a runaway script from filling the queue; it is no quota. It does not know what is being asked for.
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
# A folder of pictures dropped on the page; more belong into `medlens scan FOLDER`.
MAX_FILES = 200
# A form field beside the files, the options.
MAX_FIELD_BYTES = 8 * KIB
MAX_FILE_NAME = 200
# Scans waiting for a worker, over all callers: hours of work; more is a mistake.
MAX_QUEUED = 1000
QUEUE_RETRY_S = 60
# Each holds up to MAX_DOWNLOAD_BYTES in memory until it is written down.
UPLOADS_AT_ONCE = 3
UPLOAD_RETRY_S = 5
# Callers remembered; the one not seen for longest is forgotten first.
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
    # A gallery of 500 thumbnails at once, an extension that looks every tab up.
    "read": Rate(burst=2000, per_second=200),
    # Guesses of codes and tokens, by address: a person mistypes; 256 bits hold out anyway.
    "login": Rate(burst=20, per_second=0.2),
}


class Limiter:
    """`take` asks for one request; `clock` gives seconds and is a parameter for tests alone."""

    def __init__(self, rates: dict[Kind, Rate] | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.rates = rates if rates is not None else RATES
        self._clock = clock
        self._buckets: OrderedDict[tuple[Kind, str], tuple[float, float]] = OrderedDict()

    def take(self, kind: Kind, caller: str) -> None:
        """Raises TooManyRequests, with the seconds until one more would pass."""
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
        """Begin anew, as a restart would."""
        self._buckets.clear()
