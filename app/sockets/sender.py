"""Packets out: to one connection at a time, and no more than its client reads."""

import time
from typing import Any
from uuid import UUID
from weakref import WeakValueDictionary

from flask import Flask
from flask_socketio import SocketIO

from app.delivery import events
from app.errors import AppError
from app.notifications.replay import page_of
from app.notifications.view import notification_view
from app.observability import get_logger
from app.sockets import messages
from app.sockets.connection import Connection, Connections
from app.sockets.limits import Pace, Slots
from app.sockets.measures import Measures
from app.sockets.outbox import Outbox, Payload
from app.sockets.sessions import Sessions

log = get_logger(__name__)

# For how long a drainer waits for its client to read something.
CONGESTION_POLL_SECONDS = 0.05
CONGESTION_SECONDS = 20.0
# Pages of rows, for what no hint brought: bytes of one; how many are fetched at once, so that clients
# that return all together leave the connection pool to REST; and a second, for one client.
PAGE_BYTES = 64 * 1024
PAGES_AT_ONCE = 5
PAGE_WAIT_SECONDS = 10.0
PAGES_PER_SECOND = 50.0
# Pages that were handed over before on the same connection: a second, and at once, for one user.
REPEATS_PER_SECOND = 2.0
REPEATS_AT_ONCE = 10


class Sender:
    """Sends to connections, and ends them.

    Args:
        app: for its contexts.
        io: the Socket.IO server.
        sessions: the sessions under the connections.
        connections: those of this process.
        measures: counts what was sent and what has ended.
    """

    def __init__(
        self,
        app: Flask,
        io: SocketIO,
        sessions: Sessions,
        connections: Connections,
        measures: Measures,
    ) -> None:
        self._app, self._io, self._sessions = app, io, sessions
        self._connections, self._measures = connections, measures
        self._pages = Slots(PAGES_AT_ONCE, PAGE_WAIT_SECONDS)
        self._repeats: WeakValueDictionary[UUID, Pace] = WeakValueDictionary()

    def emit(self, connection: Connection, event: str, payload: Payload) -> None:
        """Send to this connection alone, not through Redis."""
        self._io.server.emit(
            event, payload, to=connection.sid, namespace=events.NAMESPACE, ignore_queue=True
        )

    def offer(self, connection: Connection, event: str, payload: Payload) -> None:
        """Send what nobody misses, unless the client is slow: then it is dropped."""
        session = self._session(connection)
        if connection.outbox.is_open and session is not None:
            if session.queue.congested:
                self._measures.not_sent()
            else:
                self.emit(connection, event, payload)

    def look(self) -> None:
        """Cut off clients that were sent more than is kept for one."""
        for session in self._sessions.overflowed():
            sid = self._io.server.manager.sid_from_eio_sid(session.sid, events.NAMESPACE)
            connection = self._connections.get(sid) if sid else None
            if connection is not None:
                self._give_up(connection)
            else:
                self._sessions.cut(session)

    def close(self, connection: Connection, error: AppError) -> None:
        """Say why, then disconnect."""
        connection.outbox.close()
        connection.closed_because = error.code
        self.emit(connection, events.ERROR, messages.problem(error))
        self._io.server.disconnect(connection.sid, events.NAMESPACE, ignore_queue=True)
        self.forget(connection.sid, "")  # if it was half gone already

    def end(self, connection: Connection, error: AppError) -> None:
        """The same for whoever ends many: one that cannot be told is cut off, and keeps back no other."""
        session = self._session(connection)
        try:
            self.close(connection, error)
        except Exception:
            log.exception("client not told why it is closed")
            if session is not None:
                self._sessions.cut(session)
            self._connections.remove(connection.sid)

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
        pace = Pace(PAGES_PER_SECOND)

        def fetch(after: int, limit: int) -> list[Payload]:
            self._io.sleep(pace.pause())
            connection = self._connections.get(sid)
            if connection is None:
                return []
            self._pace_repeat(connection, after)
            with self._pages.one(), self._app.app_context():
                rows = page_of(connection.identity.user_id, after, limit, PAGE_BYTES)
                return [notification_view(row) for row in rows]

        def send(payload: Payload) -> bool:
            connection = self._connections.get(sid)
            if connection is None or not self._wait_until_clear(connection):
                return False
            self.emit(connection, events.NOTIFICATION, payload)
            self._permit_ack(connection, payload["seq"])
            self._measures.handed_over(connection, payload)
            _log_sent(connection, payload)
            return True

        return Outbox(fetch=fetch, send=send, spawn=self._io.start_background_task)

    def _wait_until_clear(self, connection: Connection) -> bool:
        """Wait while the client reads slower than we send; give it up after a while."""
        deadline = time.monotonic() + CONGESTION_SECONDS
        while (session := self._session(connection)) is not None and session.queue.congested:
            if time.monotonic() >= deadline:
                self._give_up(connection)
                return False
            self._io.sleep(CONGESTION_POLL_SECONDS)
        return self._connections.get(connection.sid) is connection

    def _give_up(self, connection: Connection) -> None:
        session = self._session(connection)
        self.end(
            connection, AppError("The client does not read.", code="slow_client", retryable=True)
        )
        if session is not None:
            self._sessions.cut(session)

    def _pace_repeat(self, connection: Connection, after: int) -> None:
        """Let a user who asks for the same again and again wait."""
        if after < connection.passed:
            self._measures.repeated()
            user_id = connection.identity.user_id
            pace = self._repeats.setdefault(user_id, Pace(REPEATS_PER_SECOND, REPEATS_AT_ONCE))
            connection.repeats = pace  # shared for as long as one of the connections lives
            self._io.sleep(pace.pause())

    def _permit_ack(self, connection: Connection, seq: int) -> None:
        """Once for each notification, however often it is sent."""
        session = self._session(connection)
        if session is not None and seq > connection.passed:
            connection.passed = seq
            self._sessions.meter(session).owe()

    def _session(self, connection: Connection) -> Any:
        sid = self._io.server.manager.eio_sid_from_sid(connection.sid, events.NAMESPACE)
        return self._sessions.find(sid)


def _log_sent(connection: Connection, payload: dict[str, Any]) -> None:
    log.debug(
        "notification sent",
        seq=payload["seq"],
        user_id=str(connection.identity.user_id),
        job_id=payload.get("job_id"),
        request_id=(payload.get("data") or {}).get("request_id"),
    )
