"""What holds under either engine: the socket that listens, and how a request is read."""

import io
import re
import resource
import socket
from email.message import Message
from typing import Protocol

FILES_BESIDE_CONNECTIONS = 512
# How long the head of a request may take, and how long a client may be silent while more is expected
# of it. A WebSocket speaks more often (Engine.IO's pings).
HEAD_SECONDS = 10.0
SILENT_SECONDS = 60.0
# Longest line between the chunks of a body, and how many lines may follow the last one.
LINE_BYTES = 1024
TRAILERS = 100
CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(;|\r\n)")
# When the kernel gives up a peer that no longer answers, or no longer reads: seconds, a count, and
# milliseconds. gevent's WebSockets have no time-out of their own.
KEEPALIVE = {"TCP_KEEPIDLE": 15, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 30_000}


class Source(Protocol):
    """What a request is read from."""

    def read(self, size: int, /) -> bytes:
        """Read `size` bytes; fewer at the end."""

    def readline(self, size: int, /) -> bytes:
        """Read to the end of the line, or `size` bytes."""


class BrokenBody(OSError):
    """A chunked body is none: nobody can say where it ends, and the connection is of no more use."""


class ChunkedBody(io.RawIOBase):
    """The body of a chunked request: each line of bounded length, nothing guessed.

    Reading raises `BrokenBody` for what RFC 9112 (7.1) does not allow.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._left = 0
        self._ended = False

    def readable(self) -> bool:
        """It can be read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """See `io.RawIOBase`; returns 0 at the end of the body."""
        if not self._left and not self._ended:
            self._open_chunk()
        data = self._source.read(min(len(buffer), self._left)) if self._left else b""
        if self._left and buffer and not data:
            raise BrokenBody("The body ends within a chunk.")
        buffer[: len(data)] = data
        self._left -= len(data)
        if data and not self._left and self._line() != b"\r\n":
            raise BrokenBody("A chunk is longer than it says.")
        return len(data)

    def _open_chunk(self) -> None:
        size = CHUNK_SIZE.match(self._line())
        if not size:
            raise BrokenBody("A chunk does not say how long it is.")
        self._left = int(size[1], 16)
        if not self._left:
            self._ended = True
            self._skip_trailers()

    def _skip_trailers(self) -> None:
        for _ in range(TRAILERS):
            if self._line() == b"\r\n":
                return
        raise BrokenBody("Too much follows the last chunk.")

    def _line(self) -> bytes:
        line = self._source.readline(LINE_BYTES)
        if not line.endswith(b"\r\n"):
            raise BrokenBody("A line between chunks has no end.")
        return line


def has_one_end(headers: "Message[str, str]") -> bool:
    """Whether everybody agrees where the body ends; else some see a second request in it."""
    codings = headers.get_all("Transfer-Encoding", [])
    lengths = headers.get_all("Content-Length", [])
    if codings:
        return [coding.lower() for coding in codings] == ["chunked"] and not lengths
    return len(lengths) <= 1 and all(re.fullmatch("[0-9]+", length) for length in lengths)


def raise_file_limit(connections: int) -> None:
    """Make sure that `connections` sockets can be open at once.

    Raises:
        OSError: the hard limit of the system is lower; the message says what to change.
    """
    wanted = connections + FILES_BESIDE_CONNECTIONS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise OSError(
            f"max_connections={connections} needs {wanted} open files, but the system permits "
            f"{hard}. Lower RINGBACK_MAX_CONNECTIONS, or raise the limit (ulimit -Hn)."
        )
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def listen(host: str, port: int, backlog: int, reuse_port: bool) -> socket.socket:
    """A socket that listens; those it accepts inherit its settings.

    Raises:
        OSError: the address cannot be listened on.
    """
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Without it gevent's second write of an answer waits 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if reuse_port:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    for name, value in KEEPALIVE.items():
        if hasattr(socket, name):  # which of them there are depends on the system
            listener.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    listener.bind((host, port))
    listener.listen(backlog)
    return listener
