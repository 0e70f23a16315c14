"""Those who open a session and never say who they are: nobody else closes them."""

import time
from collections.abc import Callable
from typing import Any

from app.delivery import events
from app.sockets.connection import Connections

# A session may be without a connection for so long, after a refusal for which there is no use in trying
# again only for so long, and is looked for so often.
STRANGER_SECONDS = 10.0
REFUSED_SECONDS = 1.0
LOOK_SECONDS = 2.0


class Strangers:
    """Sessions of Engine.IO that are not connected; a handshake that is being checked is waited for.

    Args:
        server: python-socketio's.
        connections: those of this process.
        close: closes a session.
    """

    def __init__(self, server: Any, connections: Connections, close: Callable[[Any], None]) -> None:
        self._server, self._connections, self._close = server, connections, close
        self._since: dict[str, float] = {}
        self._next = 0.0

    def refused(self, sid: str) -> None:
        """The handshake of this connection is refused, and would be again."""
        session = self._server.manager.eio_sid_from_sid(sid, events.NAMESPACE)
        since = time.monotonic() - STRANGER_SECONDS + REFUSED_SECONDS
        self._since[session] = min(since, self._since.get(session, since))

    def look(self) -> None:
        """Close those that have been strangers for too long."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + LOOK_SECONDS
        sessions = dict(self._server.eio.sockets)
        self._since = {
            sid: self._since.get(sid, now)
            for sid, session in sessions.items()
            if not session.closed and self._connections.get(self._sid(sid)) is None
        }
        for sid, since in self._since.items():
            if now - since >= STRANGER_SECONDS and not self._sid(sid):
                self._close(sessions[sid])

    def _sid(self, session: str) -> str:
        return self._server.manager.sid_from_eio_sid(session, events.NAMESPACE) or ""
