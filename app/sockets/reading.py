"""Telling connections how far their user has read: rising numbers, and never before `ready`."""

from app.delivery import events
from app.notifications.inbox import Summary
from app.notifications.view import read_view
from app.sockets.connection import Connection
from app.sockets.outbox import Payload
from app.sockets.sender import Sender


class Reading:
    """Sends the event `read`.

    Hints, reconcile and answers come in any order; a connection is told of each number once.

    Args:
        sender: sends to connections.
    """

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def begin(self, connection: Connection) -> None:
        """The connection was sent `ready`; what was marked as read meanwhile follows."""
        connection.is_ready = True
        later, connection.read_later = connection.read_later, None
        if later is not None:
            self.tell(connection, later)

    def tell(self, connection: Connection, payload: Payload) -> None:
        """Pass on what was marked as read, unless the connection was told as much before."""
        if not connection.is_ready:
            later = connection.read_later
            if later is None or later["up_to"] < payload["up_to"]:
                connection.read_later = payload
        elif payload["up_to"] > connection.read:
            connection.read = payload["up_to"]
            self._sender.emit(connection, events.READ, payload)

    def answer(self, connection: Connection, state: Summary, before: int) -> None:
        """Tell the connection that has asked, in any case.

        Args:
            before: `Connection.read` when it asked. If a hint was faster, that was the answer.
        """
        if connection.read == before or connection.read < state.read:
            connection.read = max(connection.read, state.read)
            self._sender.emit(connection, events.READ, read_view(state))
