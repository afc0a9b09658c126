"""What Prometheus asks for: requests by route and status, how long they took, open event streams. One registry an application.

Paths are told by their route, never as asked for: an address is no label. Figures of the queue are set when they are asked for.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

# From a cached thumbnail to a heat map that the worker computes first, seconds.
BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15)


class Metrics:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter("medlens_http_requests", "Requests answered", ["method", "route", "status"], registry=self.registry)
        self.seconds = Histogram(
            "medlens_http_request_seconds", "Time until the answer was complete", ["route"], buckets=BUCKETS, registry=self.registry
        )
        self.streams = Gauge("medlens_event_streams", "Event streams open now", registry=self.registry)
        self.waiting = Gauge("medlens_scans_waiting", "Scans that no worker has taken up yet", registry=self.registry)
        self.workers = Gauge("medlens_workers", "Workers heard of lately", registry=self.registry)

    def text(self) -> tuple[bytes, str]:
        """The exposition and its content type."""
        return generate_latest(self.registry), CONTENT_TYPE_LATEST
