"""The green-thread engine of the server: the only folder that names eventlet and gevent.

Only `python -m app serve` uses it, and calls `patch` before anything else is imported.
Workers and the beat run on native threads, never patched.
"""

import importlib
import os
import signal
import socket
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from app.engine import servers
from app.engine.stop import Running, Stop
from app.engine.wire import listen, raise_file_limit

WsgiApp = Callable[..., Any]

# Longest wait for Postgres to answer: while a connection is made, found alive and begins a
# transaction, none of which takes time; and for any answer after that. Green psycopg2 ignores its own
# connect_timeout, and no server-side limit ends the wait for a server that is frozen.
CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 60.0
# How often a server looks whether it was told to stop, and then whether the last request has ended.
SIGNAL_SECONDS = 0.2
CLOSE_SECONDS = 0.02
# Real threads: at most one password a core is hashed at once; others must not wait for those.
THREADS = (os.cpu_count() or 1) + 2


class Engine(ABC):
    """What the server needs of an engine."""

    name: str

    @abstractmethod
    def patch(self) -> None:
        """Make the standard library and psycopg2 cooperative; before any other import."""

    @abstractmethod
    def offload(self, function: Callable[..., Any], /, *args: Any) -> Any:
        """Run `function` in a real thread and wait for it without stopping the event loop."""

    def serve(
        self,
        app: WsgiApp,
        stop: Stop,
        *,
        host: str,
        port: int,
        backlog: int,
        limit: int,
        reuse_port: bool,
    ) -> None:
        """Serve `app` until SIGTERM or SIGINT; then let all that goes on end, within limits.

        Args:
            stop: is told of the signals, and says how long what may take.
            limit: connections served at once.

        Raises:
            OSError: the address cannot be listened on.
        """
        raise_file_limit(limit)
        listener = listen(host, port, backlog, reuse_port)
        self._on_signals(stop.tell)
        running = self._start(app, stop, listener, limit)
        while running.alive and not stop.begun:
            self._sleep(SIGNAL_SECONDS)
        if not stop.begun:
            stop.tell()  # it ended by itself
        stop.leave()  # answers requests meanwhile: others have to notice, and to go elsewhere
        running.close()
        while running.requests and stop.seconds_left > 0:
            self._sleep(CLOSE_SECONDS)
            running.close()
        stop.left(running.requests)

    @abstractmethod
    def _on_signals(self, tell: Callable[[], None]) -> None:
        """Have `tell` called at each SIGTERM and SIGINT."""

    @abstractmethod
    def _start(self, app: WsgiApp, stop: Stop, listener: socket.socket, limit: int) -> Running:
        """Begin to serve."""

    @abstractmethod
    def _sleep(self, seconds: float) -> None:
        """Let others run."""

    @abstractmethod
    def _wait_for(self, fileno: int, *, write: bool, seconds: float) -> None:
        """Let others run until the file is ready; raise `TimeoutError` after `seconds`."""

    def _make_psycopg2_green(self) -> None:
        """Give psycopg2 a wait that lets other green threads run and always ends."""
        extensions = importlib.import_module("psycopg2.extensions")
        timeout_error = importlib.import_module("psycopg2").OperationalError

        def wait(connection: Any) -> None:
            working = connection.status == extensions.STATUS_BEGIN
            seconds = ANSWER_SECONDS if working else CONNECT_SECONDS
            while (state := connection.poll()) != extensions.POLL_OK:
                try:
                    write = state == extensions.POLL_WRITE
                    self._wait_for(connection.fileno(), write=write, seconds=seconds)
                except TimeoutError as error:
                    raise timeout_error(f"Postgres did not answer in {seconds:.0f} s") from error

        extensions.set_wait_callback(wait)


class EventletEngine(Engine):
    """eventlet: the engine that was asked for; its makers are retiring it."""

    name = "eventlet"

    def patch(self) -> None:
        """See `Engine.patch`."""
        _import_eventlet().monkey_patch(psycopg=False)
        from eventlet import tpool

        # They take turns, and each keeps the memory of its hardest work (19 MiB for a password).
        tpool.set_num_threads(THREADS)
        self._make_psycopg2_green()

    def offload(self, function: Callable[..., Any], /, *args: Any) -> Any:
        """See `Engine.offload`."""
        from eventlet import tpool

        return tpool.execute(function, *args)

    def _on_signals(self, tell: Callable[[], None]) -> None:
        # A signal neither wakes a sleeping hub nor may it switch green threads: `serve` looks for it.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: tell())

    def _start(self, app: WsgiApp, stop: Stop, listener: socket.socket, limit: int) -> Running:
        return servers.EventletServer(app, stop, listener, limit)

    def _sleep(self, seconds: float) -> None:
        import eventlet

        eventlet.sleep(seconds)

    def _wait_for(self, fileno: int, *, write: bool, seconds: float) -> None:
        from eventlet.hubs import trampoline

        trampoline(fileno, read=not write, write=write, timeout=seconds, timeout_exc=TimeoutError())


class GeventEngine(Engine):
    """gevent: the engine to move to."""

    name = "gevent"

    def patch(self) -> None:
        """See `Engine.patch`."""
        from gevent import monkey

        monkey.patch_all()
        self._make_psycopg2_green()

    def offload(self, function: Callable[..., Any], /, *args: Any) -> Any:
        """See `Engine.offload`."""
        import gevent

        return gevent.get_hub().threadpool.apply(function, args)

    def _on_signals(self, tell: Callable[[], None]) -> None:
        import gevent

        for number in (signal.SIGTERM, signal.SIGINT):
            gevent.signal_handler(number, tell)

    def _start(self, app: WsgiApp, stop: Stop, listener: socket.socket, limit: int) -> Running:
        return servers.GeventServer(app, stop, listener, limit)

    def _sleep(self, seconds: float) -> None:
        import gevent

        gevent.sleep(seconds)

    def _wait_for(self, fileno: int, *, write: bool, seconds: float) -> None:
        from gevent.socket import wait_read, wait_write

        (wait_write if write else wait_read)(fileno, timeout=seconds, timeout_exc=TimeoutError())


def load(name: str) -> Engine:
    """The engine of that name, not patched yet; `name` is `eventlet` or `gevent`."""
    return {"eventlet": EventletEngine, "gevent": GeventEngine}[name]()


def _import_eventlet() -> Any:
    """Import eventlet without its notice of retirement; any other warning is passed on.

    The class of that notice lives in the module whose import emits it, so a filter set beforehand
    cannot name it.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        eventlet = importlib.import_module("eventlet")
    for warning in caught:
        if warning.category is not eventlet.EventletDeprecationWarning:
            warnings.warn_explicit(
                warning.message, warning.category, warning.filename, warning.lineno
            )
    return eventlet
