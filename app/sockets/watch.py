"""What must not wait for the next reconcile, and needs no question to Postgres."""

import time
from collections.abc import Callable

from app.errors import Unauthenticated
from app.observability import get_logger
from app.sockets.connection import Connections
from app.sockets.sender import Sender

log = get_logger(__name__)

WATCH_SECONDS = 0.5


class Watch:
    """Looks around every half second.

    Args:
        looks: each is called in every round; what one raises is logged and keeps back no other.
    """

    def __init__(self, *looks: Callable[[], None]) -> None:
        self._looks = looks

    def run(self, sleep: Callable[[float], None]) -> None:
        """Look for ever."""
        while True:
            sleep(WATCH_SECONDS)
            self.look()

    def look(self) -> None:
        """One round."""
        for look in self._looks:
            try:
                look()
            except Exception:
                log.exception("watch failed")


def close_expired(connections: Connections, sender: Sender) -> Callable[[], None]:
    """Closes connections whose access token has expired."""

    def look() -> None:
        now = time.time()
        for connection in connections:
            if connection.identity.expires_at.timestamp() <= now:
                error = Unauthenticated("The access token has expired.", code="token_expired")
                sender.end(connection, error)

    return look
