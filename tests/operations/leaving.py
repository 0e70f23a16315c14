"""Clients of a server that stops: many sockets, and requests that take their time."""

import json
import socket
import subprocess
import threading
from collections import defaultdict
from contextlib import closing, suppress
from typing import Any

from tests.support.api import Api
from tests.support.node import NODE_SCRIPTS, node
from tests.support.waiting import wait_for


class Crowd:
    """Many connections of one user; `told` has what each heard: (event, payload, seconds)."""

    def __init__(self, url: str, token: str, count: int) -> None:
        self.told: dict[int, list[tuple[str, Any, float]]] = defaultdict(list)
        script = str(NODE_SCRIPTS / "many.mjs")
        self._process = subprocess.Popen(
            [node(), script, url, token, str(count)], stdout=subprocess.PIPE, text=True
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        wait_for(lambda: len(self.heard("ready")) == count, f"{count} clients", 60)

    def heard(self, event: str) -> list[tuple[Any, float]]:
        everything = [each for one in list(self.told.values()) for each in list(one)]
        return [(payload, at) for name, payload, at in everything if name == event]

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait(self) -> None:
        self._process.wait(30)
        self._reader.join()

    def __enter__(self) -> "Crowd":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            client, event, payload, at = json.loads(line)
            self.told[client].append((event, payload, at / 1000))


class SlowRequest:
    """A request whose last byte is sent by `finish`."""

    def __init__(self, url: str, user: Api) -> None:
        body = json.dumps({"type": "add", "params": {"a": 1, "b": 2}}).encode()
        self._last = body[-1:]
        self._socket = socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), 30)
        head = (
            "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {user.token}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._socket.sendall(head.encode() + body[:-1])

    def finish(self) -> bytes:
        """The answer, to the end of the connection."""
        self._socket.sendall(self._last)
        return self.answer()

    def answer(self) -> bytes:
        received = b""
        with closing(self._socket), suppress(ConnectionResetError):
            while more := self._socket.recv(65536):
                received += more
        return received


class SlowDownload:
    """A client that begins to read the result of a job, and takes its time for the rest."""

    def __init__(self, url: str, user: Api, job: str) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        self._socket.settimeout(30)
        self._socket.connect(("127.0.0.1", int(url.rpartition(":")[2])))
        head = f"GET /v1/jobs/{job}/result HTTP/1.1\r\nHost: localhost\r\n"
        self._socket.sendall(f"{head}Authorization: Bearer {user.token}\r\n\r\n".encode())
        self._received = self._socket.recv(1000)

    def finish(self) -> bytes:
        """The body, to the end of the connection."""
        with closing(self._socket), suppress(ConnectionResetError):
            while more := self._socket.recv(1 << 20):
                self._received += more
        return self._received.partition(b"\r\n\r\n")[2]
