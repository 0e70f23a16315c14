"""The official Python Socket.IO client, with a record of everything that arrives."""

import threading
from types import TracebackType
from typing import Any

import engineio
import socketio

from tests.support.record import Record


class OneThread(engineio.Client):
    """Handles messages one after the other.

    The client starts a thread for each; on a busy machine one may overtake another. What is tested is
    the order on the wire.
    """

    def _trigger_event(self, event: str, *arguments: Any, **options: Any) -> Any:
        return super()._trigger_event(event, *arguments, **{**options, "run_async": False})

    def disconnect(self, abort: bool = False, reason: Any = None) -> None:
        # Told by the server, it is on the very thread whose end it would wait for.
        mine = threading.current_thread() is self.read_loop_task
        super().disconnect(abort=abort or mine, reason=reason)


class Client(socketio.Client):
    def _engineio_client_class(self) -> type[engineio.Client]:
        return OneThread


class Listener(Record):
    """One connection of one user.

    Attributes:
        events: `(name, payload)` as they arrived.
        refused: what the server said when it refused the handshake.
    """

    def __init__(self, url: str, *, acks: bool = False) -> None:
        self.url = url
        super().__init__()
        self.refused: Any = None
        self._acks = acks
        self._disconnected = threading.Event()
        self.client = Client(reconnection=False)
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

    def wait_until_disconnected(self, seconds: float = 60.0) -> None:
        assert self._disconnected.wait(seconds), "still connected"

    def _record(self, event: str, payload: Any = None) -> None:
        self.events.append((event, payload))
        if self._acks and event == "notification":
            self.client.emit("ack", {"seq": payload["seq"]})

    def _refuse(self, data: Any) -> None:
        self.refused = data
