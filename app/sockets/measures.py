"""What is measured of the connections of this process."""

import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Protocol

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from app.operations.metrics import Metrics
from app.sockets.connection import Connection, Connections

# Why Engine.IO says that a client is gone. Other words come from elsewhere and are not counted
# one by one.
REASONS = frozenset(
    {
        "client disconnect",
        "server disconnect",
        "ping timeout",
        "transport close",
        "transport error",
    }
)


class Sessions(Protocol):
    """What is shown of the sessions of Engine.IO."""

    @property
    def unsent(self) -> int:
        """Bytes that wait for clients."""

    def __len__(self) -> int:
        """How many there are."""


class Measures(Collector):
    """Gauges of all connections, looked up when asked, and the measuring of single events.

    Args:
        measured: the app's metrics.
        connections: those of this process.
    """

    def __init__(self, measured: Metrics, connections: Connections) -> None:
        self._measured, self._connections = measured, connections
        self._sessions: Sessions | None = None
        measured.registry.register(self)

    def watch_sessions(self, sessions: Sessions) -> None:
        """Show these, too."""
        self._sessions = sessions

    def collect(self) -> Iterator[Metric]:
        """See `prometheus_client.registry.Collector`."""
        depths = [each.outbox.depth for each in self._connections]
        sessions = len(self._sessions) if self._sessions is not None else 0
        unsent = self._sessions.unsent if self._sessions is not None else 0
        for name, text, value in (
            ("connections", "Clients that are connected to this server.", len(depths)),
            ("users", "Users with at least one of them.", self._connections.users),
            ("outbox_depth", "Notifications not handed over yet, of all clients.", sum(depths)),
            ("outbox_depth_max", "The same, of the furthest behind.", max(depths, default=0)),
            ("sessions", "Sessions of Engine.IO, with those that are not connected.", sessions),
            ("unsent_bytes", "What waits for clients to read it, of all clients.", unsent),
        ):
            yield GaugeMetricFamily(f"ringback_socket_{name}", text, value)

    def refused(self, code: str) -> None:
        """A handshake was refused."""
        self._measured.handshakes_refused.labels(code).inc()

    def ended(self, connection: Connection, reason: str) -> None:
        """A connection has ended, by the server's own reason if it had one."""
        word = reason.replace(" ", "_") if reason in REASONS else "other"
        self._measured.connections_ended.labels(connection.closed_because or word).inc()

    def session_closed(self, reason: str) -> None:
        """The server ended a session of Engine.IO."""
        self._measured.sessions_closed.labels(reason).inc()

    def not_sent(self) -> None:
        """An event that nobody misses was not sent to a client that reads slowly."""
        self._measured.events_dropped.inc()

    def repeated(self) -> None:
        """A page was fetched again, for a connection that had it."""
        self._measured.pages_repeated.inc()

    def subscribed(self) -> None:
        """The server has subscribed to Redis."""
        self._measured.subscriptions.inc()

    def deaf(self) -> None:
        """A subscription heard nothing, though Redis took what was sent."""
        self._measured.subscriptions_deaf.inc()

    def handed_over(self, connection: Connection, payload: dict[str, Any]) -> None:
        """A notification went to its socket; only the first time says how long a ring takes.

        What was in the inbox before the handshake, and what a client asks for once more, is left
        out: how late that is depends on the client.
        """
        if payload["seq"] <= connection.rung:
            return
        connection.rung = payload["seq"]
        if created := payload.get("created_at"):
            created_at = datetime.fromisoformat(created).timestamp()
            self._measured.ring_seconds.observe(max(0.0, time.time() - created_at))
            connection.unacknowledged.append((payload["seq"], created_at))

    def acknowledged(self, connection: Connection) -> None:
        """The client has what it was handed over live: only that says how long a client takes."""
        waiting = connection.unacknowledged
        while waiting and waiting[0][0] <= connection.acked:
            _, created_at = waiting.popleft()
            self._measured.acknowledge_seconds.observe(max(0.0, time.time() - created_at))
