"""Who gets in: limits of this server process, and of one user at it."""

from contextlib import AbstractContextManager
from uuid import UUID

from app.errors import AppError
from app.operations.draining import Draining
from app.sockets.connection import Connections
from app.sockets.limits import Slots
from app.sockets.sessions import Sessions

# Handshakes that query at once; the rest of the connection pool stays free for REST. The others wait
# for so long (clients give up after 20 s), and are refused while Postgres does not answer.
CONCURRENT_HANDSHAKES = 5
HANDSHAKE_WAIT_SECONDS = 15.0


class Door:
    """Lets handshakes in.

    Args:
        sessions: of the process.
        connections: of the process.
        stop: from its begin on, nobody gets in.
        most_of_user: how many of them one user may have.
    """

    def __init__(
        self, sessions: Sessions, connections: Connections, stop: Draining, most_of_user: int
    ) -> None:
        self._sessions, self._connections, self._stop = sessions, connections, stop
        self._most_of_user = most_of_user
        self._slots = Slots(CONCURRENT_HANDSHAKES, HANDSHAKE_WAIT_SECONDS)

    def check_room(self) -> None:
        """Raise `AppError` if the process stops, or serves as many as it may (`server_full`)."""
        if self._stop.begun:
            raise self._stop.notice()
        if self._sessions.full:
            raise AppError(
                "This server has as many clients as it can serve. Try again later.",
                code="server_full",
                retryable=True,
            )

    def refused(self, sid: str, error: AppError) -> None:
        """This one does not get in; its session ends soon if it had better not try again."""
        if not error.retryable:
            self._sessions.refused(sid)

    def turn(self) -> AbstractContextManager[None]:
        """Wait for a turn to query; see `app.sockets.limits.Slots.one`."""
        return self._slots.one()

    def check_user(self, user_id: UUID) -> None:
        """Raise `AppError` (`too_many_connections`) if this user has no connection left."""
        if len(self._connections.of_user(str(user_id))) >= self._most_of_user:
            raise AppError(
                f"You have {self._most_of_user} connections to this server. Close one first.",
                code="too_many_connections",
                retryable=True,
            )
