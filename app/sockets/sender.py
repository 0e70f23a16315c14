"""Packets out: to one connection at a time, and no more than its client reads."""

from typing import Any

from flask import Flask
from flask_socketio import SocketIO

from app.delivery import events
from app.errors import AppError
from app.notifications import inbox
from app.notifications.view import notification_view
from app.observability import get_logger
from app.sockets import messages
from app.sockets.connection import Connection, Connections
from app.sockets.measures import Measures
from app.sockets.outbox import Outbox, Payload

log = get_logger(__name__)

# Packets a connection may have unsent before its drainer waits, and for how long it waits.
CONGESTED_PACKETS = 64
CONGESTION_POLL_SECONDS = 0.05
CONGESTION_SECONDS = 20.0


class Sender:
    """Sends to connections, and ends them.

    Args:
        app: for its contexts.
        io: the Socket.IO server.
        connections: those of this process.
        measures: counts what was sent and what has ended.
    """

    def __init__(
        self, app: Flask, io: SocketIO, connections: Connections, measures: Measures
    ) -> None:
        self._app, self._io = app, io
        self._connections, self._measures = connections, measures

    def emit(self, connection: Connection, event: str, payload: Payload) -> None:
        """Send to this connection alone, not through Redis."""
        self._io.server.emit(
            event, payload, to=connection.sid, namespace=events.NAMESPACE, ignore_queue=True
        )

    def close(self, connection: Connection, error: AppError) -> None:
        """Say why, then disconnect."""
        connection.outbox.close()
        connection.closed_because = error.code
        self.emit(connection, events.ERROR, messages.problem(error))
        self._io.server.disconnect(connection.sid, events.NAMESPACE, ignore_queue=True)
        self.forget(connection.sid, "")  # if it was half gone already

    def drop(self, sid: str) -> None:
        """Forget a client that left, or whose session ended, during its handshake."""
        self.forget(sid, "")
        self._io.server.disconnect(sid, events.NAMESPACE, ignore_queue=True)
        self._io.server.manager.disconnect(sid, events.NAMESPACE, ignore_queue=True)

    def forget(self, sid: str, reason: str) -> None:
        """Log and count the end of a connection, once, whoever ended it."""
        connection = self._connections.remove(sid)
        if connection is None:
            return
        connection.outbox.close()
        self._measures.ended(connection, reason)
        user_id = str(connection.identity.user_id)
        if connection.closed_because:
            log.info("client disconnected", code=connection.closed_because, user_id=user_id)
        else:
            log.info("client left", reason=reason, user_id=user_id)

    def make_outbox(self, sid: str) -> Outbox:
        """The outbox of the connection that is about to get this id."""

        def fetch(after: int, limit: int) -> list[Payload]:
            connection = self._connections.get(sid)
            if connection is None:
                return []
            with self._app.app_context():
                rows = inbox.page(connection.identity.user_id, after, limit)
                return [notification_view(row) for row in rows]

        def send(payload: Payload) -> bool:
            connection = self._connections.get(sid)
            if connection is None or not self._wait_until_clear(connection):
                return False
            self.emit(connection, events.NOTIFICATION, payload)
            self._measures.handed_over(connection, payload)
            _log_sent(connection, payload)
            return True

        return Outbox(fetch=fetch, send=send, spawn=self._io.start_background_task)

    def _wait_until_clear(self, connection: Connection) -> bool:
        """Wait while the client reads slower than we send; give it up after a while."""
        waited = 0.0
        while self._unsent_packets(connection.sid) >= CONGESTED_PACKETS:
            if waited >= CONGESTION_SECONDS:
                error = AppError("The client does not read.", code="slow_client", retryable=True)
                self.close(connection, error)
                return False
            self._io.sleep(CONGESTION_POLL_SECONDS)
            waited += CONGESTION_POLL_SECONDS
        return self._connections.get(connection.sid) is connection

    def _unsent_packets(self, sid: str) -> int:
        eio_sid = self._io.server.manager.eio_sid_from_sid(sid, events.NAMESPACE)
        socket = self._io.server.eio.sockets.get(eio_sid)
        return int(socket.queue.qsize()) if socket else 0


def _log_sent(connection: Connection, payload: dict[str, Any]) -> None:
    log.debug(
        "notification sent",
        seq=payload["seq"],
        user_id=str(connection.identity.user_id),
        job_id=payload.get("job_id"),
        request_id=(payload.get("data") or {}).get("request_id"),
    )
