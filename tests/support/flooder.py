"""A client that sends prepared bytes over and over, as fast as the server takes them."""

import base64
import os
import socket
import threading
from contextlib import suppress

from tests.support.stack import AppServer

TEXT, PING, PONG = 1, 9, 10
MASK = bytes(4)
UPGRADE = (
    b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n"
)


def frame(opcode: int, data: bytes = b"") -> bytes:
    """A short frame of a WebSocket, as a client sends it."""
    return bytes([0x80 | opcode, 0x80 | len(data)]) + MASK + data


class Flooder:
    """Sends without a break, and reads whatever comes, until it is closed.

    Args:
        server: where to.
        unit: what is sent, thousands of times.
        websocket: whether a WebSocket is opened first; nobody says who they are on it.
    """

    def __init__(self, server: AppServer, unit: bytes, *, websocket: bool = True) -> None:
        self._socket = socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])))
        if websocket:
            self._socket.sendall(UPGRADE % base64.b64encode(os.urandom(16)))
            assert self._socket.recv(4096).startswith(b"HTTP/1.1 101")
        self._block = unit * 2000
        self._sender, self._reader = (
            threading.Thread(target=each, daemon=True) for each in (self._send, self._read)
        )
        for each in (self._sender, self._reader):
            each.start()

    def __enter__(self) -> "Flooder":
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        for each in (self._sender, self._reader):
            each.join(30)
        self._socket.close()

    @property
    def closed(self) -> bool:
        """Whether the server takes no more."""
        return not self._sender.is_alive()

    def _send(self) -> None:
        with suppress(OSError):
            while True:
                self._socket.sendall(self._block)

    def _read(self) -> None:
        with suppress(OSError):
            while self._socket.recv(1 << 16):
                pass
