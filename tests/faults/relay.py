"""A TCP relay that can fall silent, or break, between one process and a server."""

import contextlib
import select
import socket
import struct
import threading

from app.standalone.ports import LOOPBACK, free_port

NO_LINGER = struct.pack("ii", 1, 0)  # closing sends a reset
CHUNK = 1 << 16
TURN_SECONDS = 0.05


class Relay:
    """Passes bytes between its own port and another one, both on this machine.

    Attributes:
        port: where to connect; the same again after `cut` and `mend`.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self.port = free_port()
        self._flowing = threading.Event()
        self._flowing.set()
        self._sockets: set[socket.socket] = set()
        self._listener: socket.socket | None = None
        self._said: dict[socket.socket, bytes] = {}
        self._word: bytes | None = None
        self._mute: set[socket.socket] = set()
        self.mend()

    def mend(self) -> None:
        """Let bytes pass, also those that were held back; accept connections.

        What `swallow` has taken hold of stays as it is.
        """
        self._word = None
        if self._listener is None:
            self._listener = socket.create_server((LOOPBACK, self.port))
            threading.Thread(target=self._accept, args=[self._listener], daemon=True).start()
        self._flowing.set()

    def freeze(self) -> None:
        """Connections stay open, new ones are accepted, and no byte passes."""
        self._flowing.clear()

    def swallow(self, word: bytes) -> None:
        """Of a connection on which this was or is said, all else vanishes: neither end notices."""
        self._word = word

    def cut(self) -> None:
        """Reset all connections, and refuse new ones."""
        if self._listener is not None:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        for each in list(self._sockets):
            self._close(each)

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):  # of a listener that was closed
            while True:
                near, _ = listener.accept()
                threading.Thread(target=self._serve, args=[near], daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        self._sockets.add(near)
        self._flowing.wait()
        try:
            far = socket.create_connection((LOOPBACK, self._target))
        except OSError:
            return self._close(near)
        self._sockets.add(far)
        with contextlib.suppress(OSError, ValueError):  # of a socket that was cut
            self._pump({near: far, far: near})
        self._close(near)
        self._close(far)

    def _pump(self, others: dict[socket.socket, socket.socket]) -> None:
        while True:
            self._flowing.wait()
            readable, _, _ = select.select(list(others), [], [], TURN_SECONDS)
            for each in readable:
                data = each.recv(CHUNK)
                self._flowing.wait()
                if not data:
                    return
                if not self._is_mute(each, others[each]):
                    others[each].sendall(data)
                    self._said[each] = (self._said.get(each, b"") + data)[:CHUNK]

    def _is_mute(self, each: socket.socket, other: socket.socket) -> bool:
        said = self._said.get(each, b"") + self._said.get(other, b"")
        if self._word is not None and self._word in said:
            self._mute |= {each, other}
        return each in self._mute

    def _close(self, each: socket.socket) -> None:
        self._sockets.discard(each)
        self._said.pop(each, None)
        with contextlib.suppress(OSError):
            each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        each.close()
