"""Prometheus metrics: requests by route and status, their duration, open event streams. One registry per application.

Requests are labelled by their route, never by their address. The gauges of the queue are set when metrics are requested.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

# Seconds: from a cached thumbnail to a heat map that a worker has yet to compute.
BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15)


class Metrics:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter("medlens_http_requests", "Requests answered", ["method", "route", "status"], registry=self.registry)
        self.seconds = Histogram(
            "medlens_http_request_seconds",
            "Time until the answer was complete",
            ["route"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        self.streams = Gauge("medlens_event_streams", "Event streams open now", registry=self.registry)
        self.waiting = Gauge("medlens_scans_waiting", "Scans that wait for a worker", registry=self.registry)
        self.workers = Gauge("medlens_workers", "Workers with a recent heartbeat", registry=self.registry)

    def text(self) -> tuple[bytes, str]:
        """The exposition and its content type."""
        return generate_latest(self.registry), CONTENT_TYPE_LATEST
