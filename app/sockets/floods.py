"""What clients send: no more of it than agreed, and nothing that is no packet."""

import traceback
from typing import Any

from app.delivery import events
from app.errors import AppError
from app.observability import get_logger
from app.sockets import messages
from app.sockets.connection import Connection, Connections
from app.sockets.limits import Verdict
from app.sockets.sender import Sender
from app.sockets.sessions import Sessions

log = get_logger(__name__)

# How the packet of an acknowledgement begins; those who write it in another way are owed nothing.
ACK = f'2["{events.ACK}"'


class Floods:
    """Stands before python-socketio, and looks at every message of Engine.IO.

    Args:
        server: python-socketio's.
        sessions: know how much each client has sent.
        connections: those of this process.
        sender: warns them, and ends them.
    """

    def __init__(
        self, server: Any, sessions: Sessions, connections: Connections, sender: Sender
    ) -> None:
        self._server, self._sessions = server, sessions
        self._connections, self._sender = connections, sender
        self._handle = server.eio.handlers["message"]
        server.eio.on("message", self._on_message)

    def _on_message(self, sid: str, data: Any) -> None:
        session = self._sessions.find(sid)
        if session is None:
            return
        self._sessions.frames(session).give_back()
        verdict = self._sessions.meter(session).take(acknowledges=_acknowledges(data))
        if verdict is Verdict.FINE:
            self._try(session, data)
        elif verdict is not Verdict.IGNORE:
            self._complain(session, verdict)

    def _try(self, session: Any, data: Any) -> None:
        try:
            self._handle(session.sid, data)
        except Exception as error:  # noqa: BLE001
            # Handlers catch what they raise. A client's nonsense fills no log with stack traces.
            last = traceback.extract_tb(error.__traceback__)[-1]
            reason = f"{type(error).__name__} in {last.name}: {error}"[:200]
            log.info("packet not understood", reason=reason)
            self._sessions.close(session, "broken_packet")

    def _complain(self, session: Any, verdict: Verdict) -> None:
        error = AppError(
            "The client sends too many events.", code="too_many_events", retryable=True
        )
        sid = self._server.manager.sid_from_eio_sid(session.sid, events.NAMESPACE)
        connection: Connection | None = self._connections.get(sid) if sid else None
        if verdict is Verdict.CLOSE:
            if connection is not None:
                self._sender.close(connection, error)
            self._sessions.close(session, error.code)
        elif connection is not None:
            self._sender.emit(connection, events.ERROR, messages.problem(error))


def _acknowledges(data: Any) -> bool:
    return isinstance(data, str) and data.startswith(ACK)
