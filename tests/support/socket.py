"""The official Python Socket.IO client, with a record of everything that arrives."""

import threading
from types import TracebackType
from typing import Any

import socketio

from tests.support.waiting import wait_for


class Listener:
    """One connection of one user.

    Attributes:
        events: `(name, payload)` as they arrived.
        refused: what the server said when it refused the handshake.
    """

    def __init__(self, url: str, *, acks: bool = False) -> None:
        self.url = url
        self.events: list[tuple[str, Any]] = []
        self.refused: Any = None
        self._acks = acks
        self._disconnected = threading.Event()
        self.client = socketio.Client(reconnection=False)
        self.client.on("*", self._record)
        self.client.on("connect_error", self._refuse)
        self.client.on("disconnect", lambda *_: self._disconnected.set())

    def connect(
        self,
        token: str | None,
        after: int | None = None,
        transports: tuple[str, ...] = ("websocket",),
        **auth: Any,
    ) -> "Listener":
        """Connect; raises `socketio.exceptions.ConnectionError` when refused."""
        offered = {"token": token, **auth} | ({} if after is None else {"after": after})
        self.client.connect(
            self.url,
            auth={key: value for key, value in offered.items() if value is not None},
            transports=list(transports),
            wait_timeout=20,
        )
        return self

    def __enter__(self) -> "Listener":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        if self.client.connected:
            self.client.disconnect()
        self.client.shutdown()

    def named(self, name: str) -> list[Any]:
        return [payload for event, payload in list(self.events) if event == name]

    @property
    def numbers(self) -> list[int]:
        """The notification numbers, raw, in the order of arrival."""
        return [payload["seq"] for payload in self.named("notification")]

    def wait_for(self, name: str, count: int = 1, seconds: float = 30.0) -> list[Any]:
        """Wait until at least `count` events of this name have arrived."""

        def arrived() -> list[Any] | None:
            found = self.named(name)
            return found if len(found) >= count else None

        found = wait_for(arrived, f"{count} × {name}; got {self.events[-5:]}", seconds)
        assert found is not None
        return found

    def wait_until_disconnected(self, seconds: float = 30.0) -> None:
        assert self._disconnected.wait(seconds), "still connected"

    def _record(self, event: str, payload: Any = None) -> None:
        self.events.append((event, payload))
        if self._acks and event == "notification":
            self.client.emit("ack", {"seq": payload["seq"]})

    def _refuse(self, data: Any) -> None:
        self.refused = data
