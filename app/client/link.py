"""One connection of the official client, from its handshake to its end."""

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import socketio

log = logging.getLogger(__name__)

HANDSHAKE_SECONDS = 20.0
FLUSH_SECONDS = 1.0
PARTING_SECONDS = 1.0
CLOSE_SECONDS = 3.0
TELL_SECONDS = 0.2
TURN_SECONDS = 0.01
LOOK_SECONDS = 0.1
PIECE_SECONDS = 5.0
EVENTS = ("ready", "notification", "job", "read", "sessions")
# Errors that do not announce the end of the connection.
HARMLESS = frozenset({"invalid_input", "internal_error", "too_many_events"})

Problem = dict[str, Any]
Receive = Callable[["Link", str, Any], None]


class Link:
    """Connects once, passes on what arrives, and notices its end, whichever way it ends.

    Handlers run on threads of the official client, several at once and in no certain order.

    Args:
        socket: a new client of `socketio`, with `reconnection=False`.
        receive: called with this link, the name of an event and its payload; returns at once.

    Attributes:
        problem: what the server said when it refused or ended the connection.
        ready_at: when the server began to send, by the monotonic clock; None before.
    """

    def __init__(self, socket: Any, receive: Receive) -> None:
        self._socket = socket
        self._receive = receive
        self._begun, self._ended, self._told = (threading.Event() for _ in range(3))
        self.problem: Problem | None = None
        self.ready_at: float | None = None
        for event in EVENTS:
            socket.on(event, partial(self._on_event, event))
        socket.on("error", self._on_error)
        socket.on("connect_error", self._on_refusal)
        socket.on("disconnect", self._on_disconnect)

    def connect(self, url: str, auth: dict[str, Any], transport: str) -> str | None:
        """Connect, and wait for the server's `ready`.

        Returns:
            None if the connection stands, else why not; `problem` has what the server said.
        """
        try:
            self._socket.connect(url, auth=auth, transports=[transport], wait=False)
        except (socketio.exceptions.ConnectionError, ValueError) as error:
            return str(error)
        # A connection that breaks before it stands is not told to any handler.
        deadline = time.monotonic() + HANDSHAKE_SECONDS
        while not self._begun.wait(LOOK_SECONDS) and self._is_open():
            if time.monotonic() > deadline:
                break
        return None if self.ready_at is not None else "the server did not begin to send"

    @property
    def lasted(self) -> float:
        """Seconds since the server began to send; 0 if it did not."""
        return 0.0 if self.ready_at is None else time.monotonic() - self.ready_at

    def wait(self, seconds: float) -> bool:
        """Wait for the end of the connection, or some seconds; whether it has ended."""
        if not self._ended.wait(min(seconds, PIECE_SECONDS)) and self._is_open():
            return False
        if self._socket.connected:
            return True
        self._told.wait(TELL_SECONDS)  # the reason was sent before the end, and may be overtaken
        return True

    def send(self, event: str, payload: dict[str, Any]) -> bool:
        """Queue an event; False if there is no connection to send it on."""
        try:
            self._socket.emit(event, payload)
        except socketio.exceptions.SocketIOError:
            return False
        return bool(self._socket.connected)

    def end(self) -> None:
        """Wake up who waits for the beginning, or for the end."""
        for event in (self._begun, self._ended, self._told):
            event.set()

    def close(self) -> None:
        """Send what is queued, disconnect, and see to it that no thread or socket is left.

        A server that went silent is waited for some seconds in all; then its socket is shut down.
        """
        deadline = time.monotonic() + CLOSE_SECONDS
        self.end()
        engine = self._socket.eio
        tasks = (engine.read_loop_task, engine.write_loop_task)
        self._flush(engine)
        # Not by this thread: a long poll of a server that went silent would be waited for too long.
        last = threading.Thread(target=self._disconnect, args=[engine], daemon=True)
        last.start()
        threads = [last, *(each for each in tasks if each is not None)]
        self._see_off(engine, threads, time.monotonic() + PARTING_SECONDS)
        self._wake(engine)
        self._see_off(engine, threads, deadline)
        if engine.ws is not None:
            engine.ws.shutdown()
        if engine.http is not None:
            engine.http.close()

    def _is_open(self) -> bool:
        return bool(self._socket.eio.state == "connected")

    def _flush(self, engine: Any) -> None:
        deadline = time.monotonic() + FLUSH_SECONDS
        while engine.state == "connected" and engine.queue.unfinished_tasks:
            if time.monotonic() > deadline or engine.write_loop_task is None:
                return
            time.sleep(TURN_SECONDS)

    def _see_off(self, engine: Any, threads: list[threading.Thread], deadline: float) -> None:
        """Wait for the end of the library's threads, and tell the one that writes again.

        The library tells it before it marks the connection as ended. If it is quick enough, it takes
        one more turn, and waits half a minute for something to write.
        """
        while threads and time.monotonic() < deadline:
            for each in threads:
                each.join(LOOK_SECONDS)
            threads = [each for each in threads if each.is_alive()]
            engine.queue.put(None)

    def _disconnect(self, engine: Any) -> None:
        with contextlib.suppress(OSError):  # of a connection that breaks meanwhile
            engine.disconnect()

    def _wake(self, engine: Any) -> None:
        """Threads that still read from, or write to, the socket find that it has ended."""
        stream = engine.ws.sock if engine.ws is not None else None
        if stream is not None:
            with contextlib.suppress(OSError):  # it has ended already
                stream.shutdown(socket.SHUT_RDWR)

    def _on_event(self, event: str, payload: Any = None) -> None:
        if event == "ready":
            self.ready_at = time.monotonic()
        self._receive(self, event, payload)
        self._begun.set()

    def _on_error(self, problem: Any = None) -> None:
        if not isinstance(problem, dict):
            return
        log.info("the server says: %s (%s)", problem.get("message"), problem.get("code"))
        if problem.get("code") not in HARMLESS:
            self.problem = problem
            self.end()

    def _on_refusal(self, data: Any = None) -> None:
        problem = data.get("data") if isinstance(data, dict) else None
        self.problem = problem if isinstance(problem, dict) else None
        self.end()

    def _on_disconnect(self, reason: Any = None) -> None:
        self._begun.set()
        self._ended.set()
