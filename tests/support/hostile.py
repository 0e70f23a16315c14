"""Clients that behave badly, and what shows how a server takes it."""

import contextlib
import json
import re
import socket
from typing import Any
from urllib.parse import urlsplit

import psutil
import requests
import websocket

from tests.support.api import Api
from tests.support.database import query
from tests.support.raw import exchange
from tests.support.stack import AppServer

SMALL_BUFFER = 8 * 1024


class Raw:
    """A WebSocket that sends what it is told, and reads only when it is told.

    Args:
        server: where to.
        token: opens the Socket.IO connection with it, if given.
        auth: what else the handshake says.
    """

    def __init__(self, server: AppServer, token: str | None = None, **auth: Any) -> None:
        self.socket = websocket.create_connection(
            server.url.replace("http", "ws") + "/socket.io/?EIO=4&transport=websocket",
            timeout=30,
            # The less the system keeps for it, the sooner the server notices that it does not read.
            sockopt=[(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)],
        )
        self.port = int(self.socket.sock.getsockname()[1])
        if token is not None:
            self.send("40" + json.dumps({"token": token, **auth}))

    def __enter__(self) -> "Raw":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave without a word."""
        self.socket.shutdown()

    def send(self, data: str | bytes) -> bool:
        """Send one message; False if the server has closed."""
        opcode = websocket.ABNF.OPCODE_BINARY if isinstance(data, bytes) else 1
        with contextlib.suppress(OSError, websocket.WebSocketException):
            self.socket.send(data, opcode)
            return True
        return False

    def emit(self, event: str, payload: Any) -> bool:
        return self.send("42" + json.dumps([event, payload]))

    def read_until(self, part: str) -> str:
        """The first message with this in it; fails if the server closes before."""
        while True:
            message = self.read()
            assert message is not None, f"closed before {part}"
            if part in message:
                return message

    def read(self) -> str | None:
        """The next message; None once the server has closed."""
        try:
            code, data = self.socket.recv_data()
        except websocket.WebSocketTimeoutException as error:
            raise AssertionError("The server said nothing and did not close.") from error
        except (OSError, websocket.WebSocketException):
            return None
        return None if code == websocket.ABNF.OPCODE_CLOSE else data.decode(errors="replace")

    def read_to_the_end(self) -> list[str]:
        """All messages until the server closes."""
        found = []
        while (message := self.read()) is not None:
            found.append(message)
        return found


def poll(server: AppServer, query_: str = "", body: bytes | None = None) -> bytes:
    """One request of the polling transport; returns the whole answer."""
    method = "GET" if body is None else "POST"
    head = (
        f"{method} /socket.io/?EIO=4&transport=polling{query_} HTTP/1.1\r\nHost: x\r\n"
        f"Connection: close\r\nContent-Length: {len(body or b'')}\r\n\r\n"
    )
    return exchange(server.url, head.encode() + (body or b""), 60, until_closed=True)


def open_poll(server: AppServer) -> str:
    """A new session of the polling transport; returns its id."""
    return str(json.loads(poll(server).split(b"\r\n\r\n", 1)[1].split(b"0", 1)[1])["sid"])


def figure(server: AppServer, name: str, **labels: str) -> float:
    """The sum of all series of this metric that have these labels."""
    total = 0.0
    for line in requests.get(f"{server.url}/metrics", timeout=60).text.splitlines():
        if re.match(rf"{name}(\{{| )", line) and all(
            f'{key}="{value}"' in line for key, value in labels.items()
        ):
            total += float(line.rpartition(" ")[2])
    return total


def fill(database_url: str, user: Api, count: int, size: int) -> None:
    """Give a user this many notifications of `size` bytes, quickly; the inbox was empty."""
    query(
        database_url,
        "INSERT INTO inboxes (user_id, head_seq) VALUES (%s, %s)",
        user.user_id,
        count,
    )
    query(
        database_url,
        "INSERT INTO notifications"
        " (user_id, seq, id, type, title, body, data, final, expires_at)"
        " SELECT %s, seq, gen_random_uuid(), 'test', 'number', '',"
        " jsonb_build_object('filler', repeat('x', %s)), false, now() + interval '1 day'"
        " FROM generate_series(1, %s) AS seq",
        user.user_id,
        size,
        count,
    )


def is_connected(server: AppServer, port: int) -> bool:
    """Whether the system of the server still has a TCP connection from this port of a client."""
    mine = urlsplit(server.url).port
    return any(
        each.raddr and each.raddr.port == port and each.laddr.port == mine
        for process in (
            psutil.Process(server.process.pid),
            *psutil.Process(server.process.pid).children(recursive=True),
        )
        for each in process.net_connections("tcp")
    )
