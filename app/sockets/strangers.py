"""Those who open a session and never say who they are: nobody else closes them."""

import time
from collections.abc import Callable
from typing import Any

from app.delivery import events

# A session may be without a connection for so long, and is looked for so often.
STRANGER_SECONDS = 10.0
LOOK_SECONDS = 2.0


class Strangers:
    """Sessions of Engine.IO that are not connected; one whose handshake is being checked is.

    Args:
        server: python-socketio's.
        close: closes a session.
    """

    def __init__(self, server: Any, close: Callable[[Any], None]) -> None:
        self._server, self._close = server, close
        self._since: dict[str, float] = {}
        self._next = 0.0

    def look(self) -> None:
        """Close those that have been strangers for too long."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + LOOK_SECONDS
        sessions = dict(self._server.eio.sockets)
        known = self._server.manager.sid_from_eio_sid
        self._since = {
            sid: self._since.get(sid, now)
            for sid, session in sessions.items()
            if not session.closed and not known(sid, events.NAMESPACE)
        }
        for sid, since in self._since.items():
            if now - since >= STRANGER_SECONDS:
                self._close(sessions[sid])
