"""The Socket.IO server of one app: handshake, events, and what the client manager reports."""

import threading
from typing import Any

from flask import Flask, request
from flask_socketio import SocketIO
from socketio.exceptions import ConnectionRefusedError as Refused

from app.accounts.tokens import verify_access
from app.delivery import events
from app.errors import AppError, Unauthenticated
from app.extensions import db
from app.notifications import inbox
from app.notifications.view import notification_view
from app.observability import get_logger
from app.operations.metrics import metrics
from app.operations.readiness import readiness
from app.services import services
from app.sockets import messages
from app.sockets.acknowledgements import Acknowledgements
from app.sockets.connection import Connection, Connections
from app.sockets.echo import Echo
from app.sockets.manager import ClientManager
from app.sockets.measures import Measures
from app.sockets.outbox import Outbox, Payload
from app.sockets.reconcile import Reconciler

log = get_logger(__name__)

MAX_MESSAGE_BYTES = 64 * 1024
# Handshakes that query at once; the rest of the connection pool stays free for REST.
CONCURRENT_HANDSHAKES = 5
# Packets a connection may have unsent before its drainer waits, and for how long it waits.
CONGESTED_PACKETS = 64
CONGESTION_POLL_SECONDS = 0.05
CONGESTION_SECONDS = 20.0


class SocketServer:
    """Everything between browsers and inbox.

    Args:
        app: the web app.
        async_mode: python-socketio's name of the green-thread engine.
    """

    def __init__(self, app: Flask, async_mode: str) -> None:
        with app.app_context():
            given = services()
        self._settings = given.settings
        self._app = app
        self._accepted_origins = set(self._settings.accepted_origins())
        self._connections = Connections()
        self._measures = Measures(metrics(app), self._connections)
        self._handshakes = threading.BoundedSemaphore(CONCURRENT_HANDSHAKES)
        self._manager = ClientManager(
            self._settings.redis_url.get_secret_value(), self._settings.channel, self
        )
        self._io = SocketIO(
            app,
            async_mode=async_mode,
            client_manager=self._manager,
            cors_allowed_origins=self._accepts_origin,
            async_handlers=False,
            manage_session=False,
            max_http_buffer_size=MAX_MESSAGE_BYTES,
        )
        self._acknowledgements = Acknowledgements(app, self._io.start_background_task)
        self._reconciler = Reconciler(
            app, self._connections, self.close_connection, self._acknowledgements.store_soon
        )
        self._reconciling = False
        self._echo = Echo(given.publisher, self._manager.subscribe)
        readiness(app).add("subscription", self._echo.check)
        self._register()

    # Reports of the client manager (see `app.sockets.manager.Listener`).

    def connected(self, sid: str) -> None:
        """Join the rooms and begin to send."""
        connection = self._connections.get(sid)
        if connection is None or self._io.server.get_environ(sid, events.NAMESPACE) is None:
            return self._drop(sid)
        self._manager.enter_room(
            sid, events.NAMESPACE, events.user_room(connection.identity.user_id)
        )
        self._emit(
            connection,
            events.READY,
            {"head": connection.outbox.wanted, "unread": connection.unread},
        )
        connection.outbox.open()
        log.info("client connected", user_id=str(connection.identity.user_id))

    def subscribed(self) -> None:
        """Messages may have been missed: ask Postgres at once."""
        self._measures.subscribed()
        self._io.start_background_task(self._reconciler.turn)

    def take(self, user_id: str, event: str, payload: Any) -> bool:
        """Hints of notifications go through the outboxes; talk between processes stays inside."""
        if event == events.ECHO:
            self._echo.hear(payload)
            return True
        if event == events.SESSIONS_CHANGED:
            if self._connections.of_user(user_id):
                self._io.start_background_task(self._reconciler.check_sessions, user_id)
            return True
        seq = payload.get("seq") if isinstance(payload, dict) else None
        if event != events.NOTIFICATION or not isinstance(seq, int):
            return False
        for connection in self._connections.of_user(user_id):
            connection.hinted = max(connection.hinted, seq)
            connection.outbox.want(seq, payload)
        return True

    # Events of clients.

    def _register(self) -> None:
        on = self._io.on_event
        on("connect", self._on_connect)
        on("disconnect", self._on_disconnect)
        on(events.ACK, self._on_ack)
        on(events.SYNC, self._on_sync)
        on(events.AUTHENTICATE, self._on_authenticate)
        self._io.default_exception_handler = self._on_error

    def _on_connect(self, auth: Any) -> None:
        # Whatever is raised here refuses the client; anything else would leave it half connected.
        try:
            if not isinstance(auth, dict) or not auth.get("token"):
                raise Unauthenticated("The handshake has no token.", code="token_missing")
            handshake = messages.parse(messages.Handshake, auth)
            with self._handshakes:
                self._welcome(handshake)
        except AppError as error:
            raise self._refusal(error) from error
        except Exception as error:
            log.exception("handshake failed")
            failure = AppError("The server cannot check the token now.", retryable=True)
            raise self._refusal(failure) from error
        self._start_reconciling()

    def _refusal(self, error: AppError) -> Refused:
        self._measures.refused(error.code)
        log.info("handshake refused", code=error.code)
        return Refused(error.message, messages.problem(error))

    def _welcome(self, handshake: messages.Handshake) -> None:
        """Register first, then look where the inbox stands: no hint in between may be missed."""
        identity = verify_access(handshake.token)
        sid = request.sid  # type: ignore[attr-defined]  # set by Flask-SocketIO
        outbox = self._make_outbox(sid)
        connection = Connection(sid, identity, handshake.device or sid, outbox)
        self._connections.add(connection)
        try:
            state = inbox.summary(identity.user_id)
        except BaseException:
            self._connections.remove(sid)
            raise
        finally:
            db.session.remove()  # not held while sending
        connection.unread = state.unread
        connection.rung = state.head
        connection.hinted = connection.found = max(connection.hinted, state.head)
        outbox.place(handshake.after, state.head)

    def _on_disconnect(self, reason: str = "") -> None:
        self._forget(request.sid, reason)  # type: ignore[attr-defined]

    def _on_ack(self, data: Any = None) -> None:
        connection = self._present()
        ack = messages.parse(messages.Ack, data)
        connection.acked = max(connection.acked, min(ack.seq, connection.outbox.wanted))
        self._acknowledgements.store_soon(connection)

    def _on_sync(self, data: Any = None) -> None:
        self._present().outbox.rewind(messages.parse(messages.Sync, data).after)

    def _on_authenticate(self, data: Any = None) -> None:
        connection = self._present()
        try:
            identity = verify_access(messages.parse(messages.Authenticate, data).token)
            if identity.user_id != connection.identity.user_id:
                raise Unauthenticated("The token is another user's.", code="token_wrong_user")
        except Unauthenticated as error:
            return self.close_connection(connection, error)
        connection.identity = identity

    def _on_error(self, error: Exception) -> None:
        """Tell the client what was wrong with its event; the connection stays."""
        connection = self._connections.get(request.sid)  # type: ignore[attr-defined]
        if not isinstance(error, AppError):
            log.exception("event handler raised")
            error = AppError("The server could not handle this event.", retryable=True)
        if connection is not None:
            self._emit(connection, events.ERROR, messages.problem(error))

    # What the above is made of.

    def close_connection(self, connection: Connection, error: AppError) -> None:
        """Say why, then disconnect."""
        connection.outbox.close()
        connection.closed_because = error.code
        self._emit(connection, events.ERROR, messages.problem(error))
        self._io.server.disconnect(connection.sid, events.NAMESPACE, ignore_queue=True)
        self._forget(connection.sid, "")  # if it was half gone already

    def _drop(self, sid: str) -> None:
        """Forget a client that left, or whose session ended, during its handshake."""
        self._forget(sid, "")
        self._io.server.disconnect(sid, events.NAMESPACE, ignore_queue=True)
        self._manager.disconnect(sid, events.NAMESPACE, ignore_queue=True)

    def _forget(self, sid: str, reason: str) -> None:
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

    def _present(self) -> Connection:
        connection = self._connections.get(request.sid)  # type: ignore[attr-defined]
        if connection is None:
            raise Unauthenticated("This connection is closed.", code="connection_closed")
        return connection

    def _make_outbox(self, sid: str) -> Outbox:
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
            self._emit(connection, events.NOTIFICATION, payload)
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
                self.close_connection(connection, error)
                return False
            self._io.sleep(CONGESTION_POLL_SECONDS)
            waited += CONGESTION_POLL_SECONDS
        return self._connections.get(connection.sid) is connection

    def _unsent_packets(self, sid: str) -> int:
        eio_sid = self._manager.eio_sid_from_sid(sid, events.NAMESPACE)
        socket = self._io.server.eio.sockets.get(eio_sid)
        return int(socket.queue.qsize()) if socket else 0

    def _emit(self, connection: Connection, event: str, payload: Payload) -> None:
        """To this connection alone, not through Redis."""
        self._io.server.emit(
            event, payload, to=connection.sid, namespace=events.NAMESPACE, ignore_queue=True
        )

    def _start_reconciling(self) -> None:
        if not self._reconciling:
            self._reconciling = True
            self._io.start_background_task(self._reconciler.run, self._io.sleep)

    def _accepts_origin(self, origin: str | None, environ: dict[str, Any]) -> bool:
        own = f"{environ['wsgi.url_scheme']}://{environ.get('HTTP_HOST', '')}"
        known = {own.lower(), *self._accepted_origins}
        accepted = origin is None or origin.lower() in known
        if not accepted and "sid=" not in environ.get("QUERY_STRING", ""):
            self._measures.refused("origin_refused")
        return accepted


def _log_sent(connection: Connection, payload: Payload) -> None:
    log.debug(
        "notification sent",
        seq=payload["seq"],
        user_id=str(connection.identity.user_id),
        job_id=payload.get("job_id"),
        request_id=(payload.get("data") or {}).get("request_id"),
    )
