"""The rules of docs/sockets.md for a client, as thin as can be; and a client in threads that keeps them."""

import random
import threading
import time
from dataclasses import dataclass
from enum import Enum
from typing import Any

import socketio

from tests.faults.heard import Heard
from tests.support.socket import Client

ACK_SECONDS = 0.25


class Verdict(Enum):
    """What becomes of a notification."""

    SEEN = "seen"
    NEXT = "next"
    GAP = "gap"
    GAP_KNOWN = "gap known"  # what is missing was asked for already


class Cursor:
    """The number up to which a client has everything.

    Attributes:
        at: that number.
    """

    def __init__(self, at: int = 0) -> None:
        self.at = at
        self._asked = -1

    def connected(self) -> None:
        """What was asked for on an earlier connection does not come any more."""
        self._asked = -1

    def take(self, seq: int) -> Verdict:
        """Judge a notification that came in, and move on if it is the next."""
        if seq <= self.at:
            return Verdict.SEEN
        if seq == self.at + 1:
            self.at = seq
            return Verdict.NEXT
        known, self._asked = self._asked == self.at, self.at
        return Verdict.GAP_KNOWN if known else Verdict.GAP


@dataclass
class Pauses:
    """Between attempts to connect, with full jitter.

    Attributes:
        first, longest: upper limits, seconds; it doubles in between.
    """

    first: float = 0.5
    longest: float = 5.0
    failures: int = 0

    def next(self, retry_after: float = 0.0) -> float:
        """Seconds to wait now; `retry_after` is what the server asked for."""
        limit: float = min(self.longest, self.first * 2 ** min(self.failures, 10))
        self.failures += 1
        return retry_after + random.uniform(0, limit)


class PythonClient:
    """The official client in threads of its own; returns for as long as it is not closed.

    Args:
        heard: its record; says whose it is and where it starts.
        urls: addresses, one after the other.
        token: an access token.
    """

    def __init__(self, heard: Heard, urls: list[str], token: str, pauses: Pauses) -> None:
        self._heard, self._urls, self._token, self._pauses = heard, urls, token, pauses
        self._cursor = Cursor(heard.start)
        self._problem: dict[str, Any] = {}
        self._wanted, self._ended = threading.Event(), threading.Event()
        self._closed = False
        self._wanted.set()
        self._client: socketio.Client | None = None
        self._thread = threading.Thread(target=self._live, daemon=True)
        self._thread.start()

    def leave(self) -> None:
        """Disconnect, and stay away."""
        self._wanted.clear()
        self._ended.set()

    def come_back(self) -> None:
        self._wanted.set()

    def close(self) -> None:
        """Leave for good."""
        self._closed = True
        self.leave()
        self._wanted.set()
        self._thread.join()

    def _live(self) -> None:
        turn = 0
        while True:
            self._wanted.wait()
            if self._closed or self._heard.refused is not None:
                return
            self._ended.clear()
            self._stay(self._urls[turn % len(self._urls)])
            turn += 1
            if self._problem and not self._problem.get("retryable"):
                self._heard.refused = self._problem["code"]
            elif self._wanted.is_set() and not self._closed:
                self._ended.clear()
                self._ended.wait(self._pauses.next(self._problem.get("retry_after", 0.0)))

    def _stay(self, url: str) -> None:
        """One connection, from its beginning to its end."""
        self._problem = {}
        self._cursor.connected()
        client = Client(reconnection=False)
        handlers = {
            "ready": self._ready,
            "notification": lambda payload: self._take(client, payload["seq"]),
            "error": self._keep_problem,
            "connect_error": self._refused,
            "disconnect": lambda *_: self._ended.set(),
        }
        for event, handler in handlers.items():
            client.on(event, handler)
        auth = {"token": self._token, "device": self._heard.name, "after": self._cursor.at}
        try:
            # `wait=True` would go on waiting though the connection was lost before the welcome.
            client.connect(url, auth=auth, transports=["websocket"], wait=False)
            self._acknowledge_until_ended(client)
        except socketio.exceptions.SocketIOError:
            pass  # refused, or the server is away: `_problem` knows
        finally:
            client.disconnect()
            client.shutdown()
            self._heard.downs.append((time.time(), self._problem.get("code", "lost")))

    def _acknowledge_until_ended(self, client: socketio.Client) -> None:
        told = self._cursor.at
        while not self._ended.wait(ACK_SECONDS) and client.eio.state == "connected":
            if self._cursor.at > told:
                told = self._cursor.at
                client.emit("ack", {"seq": told})

    def _ready(self, _: Any) -> None:
        self._pauses.failures = 0
        self._heard.ups.append(time.time())

    def _take(self, client: socketio.Client, seq: int) -> None:
        now = time.time()
        self._heard.raw.append((seq, now))
        verdict = self._cursor.take(seq)
        if verdict is Verdict.NEXT:
            self._heard.given.append((seq, now))
        elif verdict is Verdict.GAP:
            client.emit("sync", {"after": self._cursor.at})

    def _refused(self, problem: Any) -> None:
        self._keep_problem(problem)
        self._ended.set()

    def _keep_problem(self, problem: Any) -> None:
        # A refusal carries the problem as `data`; a failure to connect is plain text.
        told = problem.get("data", problem) if isinstance(problem, dict) else {}
        self._problem = told if isinstance(told, dict) and "code" in told else {}
