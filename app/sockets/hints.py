"""What comes in through Redis for one user: hints of rows, and talk between processes."""

from collections.abc import Callable
from typing import Any

from app.delivery import events
from app.sockets.connection import Connection, Connections
from app.sockets.echo import Echo
from app.sockets.reading import Reading


class Hints:
    """Takes what is more than an ordinary emit.

    Args:
        connections: those of this process.
        echo: hears this server's own calls.
        reading: tells connections what is read.
        offer: sends an event to a client, unless that is slow.
        check_sessions: looks at one user's sessions now; may take long.
        spawn: starts a function on a green thread.
    """

    def __init__(
        self,
        connections: Connections,
        echo: Echo,
        reading: Reading,
        offer: Callable[[Connection, str, Any], None],
        check_sessions: Callable[[str], None],
        spawn: Callable[..., Any],
    ) -> None:
        self._connections, self._echo, self._reading = connections, echo, reading
        self._offer = offer
        self._check_sessions, self._spawn = check_sessions, spawn
        self._takers: dict[str, Callable[[str, Any], bool]] = {
            events.ECHO: self._take_echo,
            events.SESSIONS_CHANGED: self._take_sessions_changed,
            events.NOTIFICATION: self._take_notification,
            events.JOB: self._take_job,
            events.READ: self._take_read,
        }

    def take(self, user_id: str, event: str, payload: Any) -> bool:
        """Take a message to one user's room; False if it is an ordinary emit, to be sent on."""
        taker = self._takers.get(event)
        return taker is not None and taker(user_id, payload)

    def _take_echo(self, _: str, payload: Any) -> bool:
        self._echo.hear(payload)
        return True

    def _take_sessions_changed(self, user_id: str, _: Any) -> bool:
        self._connections.session_changes += 1
        if self._connections.of_user(user_id):
            self._spawn(self._check_sessions, user_id)
        return True

    def _take_read(self, user_id: str, payload: Any) -> bool:
        if not isinstance(payload, dict) or not isinstance(payload.get("up_to"), int):
            return False
        for connection in self._connections.of_user(user_id):
            self._reading.tell(connection, payload)
        return True

    def _take_notification(self, user_id: str, payload: Any) -> bool:
        """Through the outboxes, which know whose turn it is."""
        seq = payload.get("seq") if isinstance(payload, dict) else None
        if not isinstance(seq, int):
            return False
        for connection in self._connections.of_user(user_id):
            connection.hinted = max(connection.hinted, seq)
            connection.outbox.want(seq, payload)
        return True

    def _take_job(self, user_id: str, payload: Any) -> bool:
        """Has no number, and the next one replaces it: a slow client does without."""
        for connection in self._connections.of_user(user_id):
            self._offer(connection, events.JOB, payload)
        return True
