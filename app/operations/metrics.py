"""What is measured in this process. Each app has a registry of its own.

Labels take few values, whatever clients send: names that only code can make.
"""

import platform
from typing import cast

from flask import Flask
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)

from app import __version__

EXTENSION = "ringback-metrics"
REQUEST_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
TURNS = ("done", "postponed", "failed")
RING_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

# A second series of each, that says when it began: Prometheus makes no use of it.
disable_created_metrics()  # type: ignore[no-untyped-call]


class Metrics:
    """Counters and histograms; what can be looked up when asked is a collector of its stage."""

    def __init__(self, engine: str) -> None:
        """Start at nothing.

        Args:
            engine: name of the green-thread engine.
        """
        registry = self.registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        GCCollector(registry=registry)
        build = Gauge(
            "ringback_build_info", "Always 1.", ["version", "python", "engine"], registry=registry
        )
        build.labels(__version__, platform.python_version(), engine).set(1)
        self._add_http(registry)
        self._add_sockets(registry)

    def _add_http(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "ringback_http_requests",
            "Requests answered.",
            ["method", "route", "status"],
            registry=registry,
        )
        self.request_seconds = Histogram(
            "ringback_http_request_seconds",
            "From the request to the head of its answer, without what it waited for a job.",
            ["method", "route"],
            buckets=REQUEST_SECONDS,
            registry=registry,
        )
        self.waiting_requests = Gauge(
            "ringback_http_waiting_requests", "Requests that wait for a job.", registry=registry
        )

    def _add_sockets(self, registry: CollectorRegistry) -> None:
        self.ring_seconds = Histogram(
            "ringback_ring_seconds",
            "From a notification's transaction to its hand-over to a connected client's socket.",
            buckets=RING_SECONDS,
            registry=registry,
        )
        self.acknowledge_seconds = Histogram(
            "ringback_acknowledge_seconds",
            "From a notification's transaction to its acknowledgement by a client that got it live.",
            buckets=RING_SECONDS,
            registry=registry,
        )
        self.handshakes_refused = Counter(
            "ringback_socket_handshakes_refused",
            "Handshakes refused, by the code that the client was told.",
            ["code"],
            registry=registry,
        )
        self.connections_ended = Counter(
            "ringback_socket_connections_ended",
            "Connections that ended, by reason.",
            ["reason"],
            registry=registry,
        )
        self.sessions_closed = Counter(
            "ringback_socket_sessions_closed",
            "Sessions of Engine.IO that the server ended, by reason.",
            ["reason"],
            registry=registry,
        )
        self.events_dropped = Counter(
            "ringback_socket_events_dropped",
            "`job` events that were not sent to a client that reads slowly.",
            registry=registry,
        )
        self.pages_repeated = Counter(
            "ringback_socket_pages_repeated",
            "Pages of notifications fetched again for a connection that had them.",
            registry=registry,
        )
        self.subscriptions = Counter(
            "ringback_socket_subscriptions",
            "Times that the server subscribed to Redis, the first included.",
            registry=registry,
        )
        self.subscriptions_deaf = Counter(
            "ringback_socket_subscriptions_deaf",
            "Subscriptions given up because nothing came through them.",
            registry=registry,
        )
        self.reconcile_turns = Counter(
            "ringback_reconcile_turns",
            "Comparisons of the connections with the database, by result.",
            ["result"],
            registry=registry,
        )
        for result in TURNS:  # a series that begins with its first event hides it from `rate`
            self.reconcile_turns.labels(result)
        self.hints_lost = Counter(
            "ringback_hints_lost",
            "Notifications of connected clients that no hint told and the database did.",
            registry=registry,
        )


def metrics(app: Flask) -> Metrics:
    """The metrics of an app."""
    return cast(Metrics, app.extensions[EXTENSION])
