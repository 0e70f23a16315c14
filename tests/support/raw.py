"""A client that sends whatever bytes it is given."""

import contextlib
import socket
from urllib.parse import urlsplit


def exchange(url: str, data: bytes, seconds: float = 60.0, *, until_closed: bool = False) -> bytes:
    """Send bytes; returns the answer as far as it came.

    Args:
        url: address of a server.
        seconds: longest wait; a server that says nothing for so long fails the test.
        until_closed: read on until the server closes; else one answer's head is enough.
    """
    address = urlsplit(url)
    with socket.create_connection(("127.0.0.1", address.port or 80), timeout=seconds) as client:
        _send(client, data)
        received = b""
        while until_closed or b"\r\n\r\n" not in received:
            try:
                more = client.recv(65536)
            except ConnectionResetError:
                break
            if not more:
                break
            received += more
        return received


def flood(url: str, start: bytes, block: bytes, most: int) -> tuple[int, bytes]:
    """Send blocks until the server closes or has taken `most` bytes; returns how many, and its answer."""
    address = urlsplit(url)
    taken, received = 0, b""
    with socket.create_connection(("127.0.0.1", address.port or 80), timeout=60) as client:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            client.sendall(start)
            while taken < most:
                client.sendall(block)
                taken += len(block)
        if taken < most:
            with contextlib.suppress(ConnectionResetError):
                received = client.recv(65536)
    return taken, received


def status_of(answer: bytes) -> int:
    """The status of an answer; 0 if the server closed without one."""
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/") else 0


def _send(client: socket.socket, data: bytes) -> None:
    # It may answer before it has read all: what it said is still to be read.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        client.sendall(data)
