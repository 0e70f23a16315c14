"""The end of all connections, when the server stops."""

from collections.abc import Callable
from typing import Any

from flask_socketio import SocketIO

from app.observability import get_logger
from app.operations.draining import Draining
from app.sockets.connection import Connections
from app.sockets.sender import Sender

log = get_logger(__name__)

POLL_SECONDS = 0.02
# How long a client may take to hang up, once it was told; as a part of the time that is left.
HANG_UP_SHARE = 0.25


class UnderWay:
    """Counts what runs on green threads of its own."""

    def __init__(self, spawn: Callable[..., Any]) -> None:
        self._spawn = spawn
        self.count = 0

    def spawn(self, function: Callable[..., None], *args: Any) -> None:
        """Start `function`."""
        self.count += 1
        self._spawn(self._run, function, *args)

    def _run(self, function: Callable[..., None], *args: Any) -> None:
        try:
            function(*args)
        finally:
            self.count -= 1


class Farewell:
    """Tells clients to connect elsewhere, one after the other, so that they do not all come at once.

    Args:
        io: the Socket.IO server.
        connections: those of this process.
        sender: tells them.
        storing: the acknowledgements that are being stored.
        stop: says how long it may take.
    """

    def __init__(
        self,
        io: SocketIO,
        connections: Connections,
        sender: Sender,
        storing: UnderWay,
        stop: Draining,
    ) -> None:
        self._io, self._connections, self._sender = io, connections, sender
        self._storing, self._stop = storing, stop

    def run(self) -> None:
        """Return once all are gone and what they had said is stored, or time is up."""
        self._tell_all()
        self._hang_up()
        self._wait(lambda: not self._storing.count, 0.0)

    def _tell_all(self) -> None:
        clients = list(self._connections)
        spread = self._stop.spread(len(clients))
        pause = spread / max(1, len(clients))
        while clients:
            for connection in clients:
                self._sender.end(connection, self._stop.notice(spread))
                self._io.sleep(pause if self._stop.seconds_left else 0)
            clients = list(self._connections)  # whose handshake was under way
        log.info("clients told to go", seconds=spread)

    def _hang_up(self) -> None:
        """A client that was told closes its transport itself; what then still stands is closed."""
        engine = self._io.server.eio
        self._wait(lambda: not _open(engine), self._stop.seconds_left * (1 - HANG_UP_SHARE))
        if left := _open(engine):
            log.warning("clients cut off", count=len(left))
        for each in left:
            each.close(wait=False)

    def _wait(self, done: Callable[[], bool], until_left: float) -> None:
        while not done() and self._stop.seconds_left > until_left:
            self._io.sleep(POLL_SECONDS)


def _open(engine: Any) -> list[Any]:
    return [each for each in engine.sockets.copy().values() if not each.closed]
