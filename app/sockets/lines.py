"""The TCP connections under WebSockets: how much comes in at once, and how they really end.

The two WebSocket libraries (one for each engine) leave open what a hostile client looks for: how long
a message in parts may get, how many unread messages are kept, and who closes a connection whose
client neither reads nor leaves. They are told apart by what they have, as only the engine names them.
"""

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from engineio.exceptions import EngineIOError

from app.observability import get_logger

log = get_logger(__name__)

# What the kernel keeps for a client that does not read; for notifications that is plenty.
SEND_BUFFER_BYTES = 128 * 1024
# Messages that wait for their handler before no more is read.
UNHANDLED_MESSAGES = 16
UNHANDLED_POLL_SECONDS = 0.02
# How long after the end of its session a connection may last, to read what was said last.
PARTING_SECONDS = 2.0
# What is read at once, where all of it is handled before anybody else runs.
PORTION_BYTES = 512


@dataclass
class _Line:
    session: Any
    tcp: Any
    ended_at: float = field(default=0.0)


class Lines:
    """The WebSockets of one Engine.IO server.

    Args:
        eio: the server.
        sleep: lets other green threads run for so many seconds.
        broken: told of a session whose client sent what is no packet.
        permits: told of each frame of a session, those that are no message, too; whether to go on.
    """

    def __init__(
        self,
        eio: Any,
        sleep: Callable[[float], Any],
        broken: Callable[[Any], None],
        permits: Callable[[Any], bool],
    ) -> None:
        self._eio, self._sleep, self._broken, self._permits = eio, sleep, broken, permits
        self._lines: dict[str, _Line] = {}
        self._make = eio._async["websocket"]
        eio._async = eio._async | {"websocket": self._websocket}

    def cut(self, sid: str) -> None:
        """End the TCP connection now; what was not read is thrown away."""
        line = self._lines.get(sid)
        if line is not None:
            with contextlib.suppress(OSError):  # it is closed already
                linger = struct.pack("ii", 1, 0)
                line.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                line.tcp.shutdown(socket.SHUT_RDWR)

    def look(self) -> None:
        """Cut those whose session has ended, but whose client does not leave."""
        now = time.monotonic()
        for sid, line in list(self._lines.items()):
            if line.session.closed:
                line.ended_at = line.ended_at or now
                if now - line.ended_at >= PARTING_SECONDS:
                    self.cut(sid)

    def _websocket(self, handler: Any, eio: Any) -> Any:
        session = handler.__self__
        if session.sid in self._lines:
            raise EngineIOError("A session upgrades once.")  # it is answered with 400
        websocket = self._make(lambda ws: self._run(session, handler, ws), eio)
        if hasattr(websocket, "server_args"):  # simple_websocket's, whose messages have no end
            websocket.server_args["max_message_size"] = eio.max_http_buffer_size
        return websocket

    def _run(self, session: Any, handler: Callable[[Any], Any], ws: Any) -> Any:
        simple = getattr(ws, "ws", None)
        tcp = self._guard(ws, simple, lambda: self._permits(session))
        self._lines[session.sid] = _Line(session, tcp)
        try:
            return handler(ws)
        except Exception as error:  # noqa: BLE001
            # Engine.IO lets through what it could not read, and forgets its session over it.
            log.info("packet not understood", reason=f"{type(error).__name__}: {error}"[:200])
            self._broken(session)
            return []
        finally:
            self._lines.pop(session.sid, None)
            if simple:  # it goes on reading until the client leaves
                simple.connected = False
                with contextlib.suppress(OSError):
                    tcp.shutdown(socket.SHUT_RDWR)

    def _guard(self, ws: Any, simple: Any, permits: Callable[[], bool]) -> Any:
        tcp = simple.sock if simple else ws.socket
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        if simple:
            simple.sock = _Whole(simple, self._sleep)
            simple.ws.events = simple.sock.counted(simple.ws.events, permits)
        else:
            ws.socket = _Fair(tcp, self._sleep)
            ws.Message, ws._apply_mask = _bounded(type(ws).Message), unmasked
            ws._recv_frame = ws.socket.counted(ws._recv_frame, permits)
        return tcp


class _Fair:
    """Stands for the socket of eventlet's WebSocket, which switches only once there is nothing to read.

    A client that sends faster than it is read would keep everybody else from running.
    """

    def __init__(self, tcp: Any, sleep: Callable[[float], Any]) -> None:
        self._tcp, self._sleep = tcp, sleep
        self._over = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tcp, name)

    def recv(self, size: int) -> Any:
        self._sleep(0)
        return b"" if self._over else self._tcp.recv(size)

    def counted(self, read: Callable[..., Any], permits: Callable[[], bool]) -> Callable[..., Any]:
        def read_frame(*args: Any, **options: Any) -> Any:
            frame = read(*args, **options)
            self._over = not permits()
            return frame

        return read_frame


class _Whole(_Fair):
    """Stands for the socket of a simple_websocket.

    That takes for sent what the kernel took only a part of, and reads on, however much is unhandled.
    """

    def __init__(self, simple: Any, sleep: Callable[[float], Any]) -> None:
        super().__init__(simple.sock, sleep)
        self._simple = simple
        self._sending = threading.Lock()

    def send(self, data: bytes) -> int:
        with self._sending:
            self._tcp.sendall(data)
        return len(data)

    def recv(self, size: int) -> Any:
        while self._simple.connected and len(self._simple.input_buffer) >= UNHANDLED_MESSAGES:
            self._sleep(UNHANDLED_POLL_SECONDS)
        return super().recv(min(size, PORTION_BYTES))

    def counted(self, read: Callable[..., Any], permits: Callable[[], bool]) -> Callable[..., Any]:
        def events() -> Iterator[Any]:
            for event in read():
                yield event
                if getattr(event, "frame_finished", True) and not permits():
                    self._over = True
                    return

        return events


def unmasked(data: bytes, mask: bytes, length: int | None = None, offset: int = 0) -> bytes:
    """The data of a client's frame: each byte is combined with one of the mask's four, in turn.

    Eventlet's own takes 10 ms for a long message, byte by byte, and nobody is served meanwhile.
    """
    count = len(data) if length is None else length
    key = bytes(mask[(offset + place) % 4] for place in range(4)) * (count // 4 + 1)
    combined = int.from_bytes(data[:count], "big") ^ int.from_bytes(key[:count], "big")
    return combined.to_bytes(count, "big")


@cache
def _bounded(message: type) -> type:
    """What eventlet calls a message, which knows how long a part may be, with the same limit for all parts."""

    class Bounded(message):  # type: ignore[misc]
        length = 0

        def push(self, data: bytes, final: bool = False) -> None:
            super().push(data, final)
            self.length += len(data) + 1  # parts of nothing add up, too
            if self.length > 2 * self.max_frame_length:  # Engine.IO measures the whole
                raise ValueError("The message is too long.")

    return Bounded
