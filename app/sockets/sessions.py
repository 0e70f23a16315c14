"""Engine.IO's sessions: how many there are, what waits in them, and how the server ends them.

A session is there before anybody says who they are, and below every connection. Engine.IO itself
bounds none of this, so its queue, its WebSockets and its events are given to it from here.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from engineio.exceptions import EngineIOError

from app.observability import get_logger
from app.sockets.connection import Connections
from app.sockets.frames import Frames
from app.sockets.limits import Meter
from app.sockets.lines import Lines
from app.sockets.measures import Measures
from app.sockets.packets import packet_queue
from app.sockets.strangers import Strangers

log = get_logger(__name__)

# Sessions beyond the limit that are let in as far as the handshake, where they are told so; the next
# ones get no session at all.
TOLD_BEYOND = 50


class Sessions:
    """The sessions of one server; made before the first one is.

    Args:
        server: python-socketio's.
        connections: those of this process.
        most: how many are served at once.
        rate: events that a client may send in a second.
        sleep: lets other green threads run for so many seconds.
        measures: counts what the server ends.
    """

    def __init__(
        self,
        server: Any,
        connections: Connections,
        most: int,
        rate: int,
        sleep: Callable[[float], Any],
        measures: Measures,
    ) -> None:
        self._eio, self._measures = server.eio, measures
        self._most, self._rate = most, rate
        queue = packet_queue(self._eio._async["queue"], self._eio._async["queue_empty"])
        self._eio._async = self._eio._async | {"queue": queue}
        self._lines = Lines(
            self._eio, sleep, lambda session: self.close(session, "broken_packet"), self._permits
        )
        self._strangers = Strangers(
            server, connections, lambda session: self.close(session, "stranger")
        )
        self._connect = self._eio.handlers["connect"]
        self._eio.on("connect", self._on_connect)
        measures.watch_sessions(self)

    def __len__(self) -> int:
        return len(self._eio.sockets)

    @property
    def unsent(self) -> int:
        """Bytes that wait for clients to read, roughly."""
        return sum(session.queue.unsent for session in list(self._eio.sockets.values()))

    @property
    def full(self) -> bool:
        """Whether there are more than are served."""
        return len(self) > self._most

    def find(self, sid: str | None) -> Any:
        """The session of this id; None if there is none, or none any more."""
        session = self._eio.sockets.get(sid)
        return None if session is None or session.closed else session

    def meter(self, session: Any) -> Meter:
        """What counts the events of this session's client."""
        meter: Meter | None = session.session.get("meter")
        if meter is None:
            meter = session.session["meter"] = Meter(self._rate)
        return meter

    def frames(self, session: Any) -> Frames:
        """What counts the frames of this session's client."""
        frames: Frames | None = session.session.get("frames")
        if frames is None:
            frames = session.session["frames"] = Frames(self._rate)
        return frames

    def overflowed(self) -> list[Any]:
        """Those that were sent more than is kept for a client."""
        return [each for each in list(self._eio.sockets.values()) if each.queue.overflowed]

    def close(self, session: Any, reason: str) -> None:
        """End a session, whether or not its client reads; returns at once."""
        if not session.closed:
            log.info("session closed", reason=reason)
            self._measures.session_closed(reason)
        session.close(wait=False)
        self._eio.sockets.pop(session.sid, None)

    def refused(self, sid: str) -> None:
        """End the session of this connection soon: its handshake is refused, and would be again."""
        self._strangers.refused(sid)

    def cut(self, session: Any) -> None:
        """End a session and its TCP connection now; its client reads nothing anyway."""
        self._lines.cut(session.sid)
        session.close(wait=False, abort=True)
        self._eio.sockets.pop(session.sid, None)

    def look(self) -> None:
        """End what its client does not end."""
        self._lines.look()
        self._strangers.look()

    def _permits(self, session: Any) -> bool:
        permitted = self.frames(session).take()
        if not permitted:
            self.close(session, "too_many_frames")
        return permitted

    def _on_connect(self, sid: str, environ: dict[str, Any]) -> Any:
        if len(self) > self._most + TOLD_BEYOND:
            self._measures.refused("server_full")
            return "This server has as many clients as it can serve."
        session = self._eio.sockets[sid]
        session.handle_post_request = partial(self._post, session, session.handle_post_request)
        return self._connect(sid, environ)

    def _post(self, session: Any, handle: Callable[[Any], None], environ: dict[str, Any]) -> None:
        """What is posted over long polling; Engine.IO would only log, at length, what is no packet."""
        if not self._permits(session):
            raise EngineIOError("The client posts too often.")  # it is answered with 400
        try:
            handle(environ)
        except EngineIOError:
            raise
        except Exception as error:
            log.info("packet not understood", reason=f"{type(error).__name__}: {error}"[:200])
            self.close(session, "broken_packet")
            raise EngineIOError("What was posted is no packet.") from error
