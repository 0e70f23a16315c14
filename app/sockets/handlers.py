"""What clients do: the handshake, and the events that they send."""

from typing import Any

from flask import request
from flask_socketio import SocketIO
from socketio.exceptions import ConnectionRefusedError as Refused

from app.accounts.tokens import verify_access
from app.delivery import events
from app.delivery.publisher import Publisher
from app.errors import AppError, Unauthenticated
from app.extensions import db
from app.notifications import inbox
from app.notifications.reading import mark_read
from app.observability import get_logger
from app.sockets import messages
from app.sockets.acknowledgements import Acknowledgements
from app.sockets.connection import Connection, Connections
from app.sockets.database import database_answers
from app.sockets.door import Door
from app.sockets.limits import Slots
from app.sockets.measures import Measures
from app.sockets.reading import Reading
from app.sockets.reconcile import Reconciler
from app.sockets.sender import Sender

log = get_logger(__name__)

# Clients for which is marked as read at once, so that the connection pool is left to REST.
READS_AT_ONCE = 3
READ_WAIT_SECONDS = 15.0


class Handlers:
    """Answers clients.

    Args:
        door: lets handshakes in, or not.
        connections: those of this process.
        sender: sends to them, and ends them.
        acknowledgements: stores what clients have.
        measures: counts refusals.
        reading: tells connections what is read.
        reconciler: looks at sessions again.
        publisher: tells the other servers.
    """

    def __init__(
        self,
        door: Door,
        connections: Connections,
        sender: Sender,
        acknowledgements: Acknowledgements,
        measures: Measures,
        reading: Reading,
        reconciler: Reconciler,
        publisher: Publisher,
    ) -> None:
        self._connections, self._sender = connections, sender
        self._acknowledgements, self._measures = acknowledgements, measures
        self._reading, self._reconciler, self._publisher = reading, reconciler, publisher
        self._door, self._reads = door, Slots(READS_AT_ONCE, READ_WAIT_SECONDS)

    def register(self, io: SocketIO) -> None:
        """Tell Flask-SocketIO."""
        io.on_event("connect", self._on_connect)
        io.on_event("disconnect", self._on_disconnect)
        io.on_event(events.ACK, self._on_ack)
        io.on_event(events.SYNC, self._on_sync)
        io.on_event(events.READ, self._on_read)
        io.on_event(events.AUTHENTICATE, self._on_authenticate)
        io.default_exception_handler = self._on_error

    def _on_connect(self, auth: Any) -> None:
        # Whatever is raised here refuses the client; anything else would leave it half connected.
        try:
            self._door.check_room()
            if not isinstance(auth, dict) or not auth.get("token"):
                raise Unauthenticated("The handshake has no token.", code="token_missing")
            handshake = messages.parse(messages.Handshake, auth)
            with self._door.turn(), database_answers():
                self._door.check_room()  # it may have waited for its turn
                self._welcome(handshake)
        except AppError as error:
            raise self._refusal(error) from error
        except Exception as error:
            log.exception("handshake failed")
            failure = AppError("The server cannot check the token now.", retryable=True)
            raise self._refusal(failure) from error

    def _refusal(self, error: AppError) -> Refused:
        self._measures.refused(error.code)
        self._door.refused(_sid(), error)
        log.info("handshake refused", code=error.code)
        return Refused(error.message, messages.problem(error))

    def _welcome(self, handshake: messages.Handshake) -> None:
        """Register first, then look where the inbox stands: no hint in between may be missed."""
        changes = self._connections.session_changes
        identity = verify_access(handshake.token)
        sid = _sid()
        outbox = self._sender.make_outbox(sid)
        connection = Connection(sid, identity, handshake.device or sid, outbox)
        self._door.check_user(identity.user_id)  # nothing may wait between this and the next line
        self._connections.add(connection)
        try:
            state = inbox.summary(identity.user_id)
        except BaseException:
            self._connections.remove(sid)
            raise
        finally:
            db.session.remove()  # not held while sending
        connection.unread, connection.read = state.unread, state.read
        connection.rung = state.head
        connection.hinted = connection.found = max(connection.hinted, state.head)
        outbox.place(handshake.after, state.head)
        self._reconciler.check_if_changed(connection, changes)

    def _on_disconnect(self, reason: str = "") -> None:
        self._sender.forget(_sid(), reason)

    def _on_ack(self, data: Any = None) -> None:
        connection = self._present()
        ack = messages.parse(messages.Ack, data)
        connection.acked = max(connection.acked, min(ack.seq, connection.known))
        self._measures.acknowledged(connection)
        self._acknowledgements.store_soon(connection)

    def _on_sync(self, data: Any = None) -> None:
        self._present().outbox.rewind(messages.parse(messages.Sync, data).after)

    def _on_read(self, data: Any = None) -> None:
        connection = self._present()
        up_to, before = messages.parse(messages.Read, data).up_to, connection.read
        with self._reads.one(), database_answers():
            state = mark_read(connection.identity.user_id, up_to, self._publisher)
        self._reading.answer(connection, state, before)

    def _on_authenticate(self, data: Any = None) -> None:
        connection = self._present()
        changes = self._connections.session_changes
        token = messages.parse(messages.Authenticate, data).token
        try:
            with database_answers():
                identity = verify_access(token)
            if identity.user_id != connection.identity.user_id:
                raise Unauthenticated("The token is another user's.", code="token_wrong_user")
        except Unauthenticated as error:
            return self._sender.close(connection, error)
        connection.identity = identity
        self._reconciler.check_if_changed(connection, changes)

    def _on_error(self, error: Exception) -> None:
        """Tell the client what was wrong with its event; the connection stays."""
        connection = self._connections.get(_sid())
        if not isinstance(error, AppError):
            log.exception("event handler raised")
            error = AppError("The server could not handle this event.", retryable=True)
        if connection is not None:
            self._sender.emit(connection, events.ERROR, messages.problem(error))

    def _present(self) -> Connection:
        connection = self._connections.get(_sid())
        if connection is None:
            raise Unauthenticated("This connection is closed.", code="connection_closed")
        return connection


def _sid() -> str:
    return str(request.sid)  # type: ignore[attr-defined]  # set by Flask-SocketIO
