"""The green-thread engine of the server: the only file that names eventlet and gevent.

Only `python -m app serve` uses it, and calls `patch` before anything else is imported.
Workers and the beat run on native threads, never patched.
"""

import importlib
import resource
import signal
import socket
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

WsgiApp = Callable[..., Any]

# Longest wait for Postgres to answer: while a connection is made, and for any answer after that.
# Green psycopg2 ignores its own connect_timeout, and no server-side limit ends the wait for a
# server that is frozen.
CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 60.0
# How often an eventlet server looks whether it was told to stop.
SIGNAL_SECONDS = 0.2
FILES_BESIDE_CONNECTIONS = 512
# How long the head of a request may take, and how long a client may be silent while more is expected
# of it. A WebSocket speaks more often (Engine.IO's pings).
HEAD_SECONDS = 10.0
SILENT_SECONDS = 60.0
# When the kernel gives up a peer that no longer answers, or no longer reads: seconds, a count, and
# milliseconds. gevent's WebSockets have no time-out of their own.
KEEPALIVE = {"TCP_KEEPIDLE": 15, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 30_000}


class Engine(ABC):
    """What the server needs of an engine."""

    name: str

    @abstractmethod
    def patch(self) -> None:
        """Make the standard library and psycopg2 cooperative; before any other import."""

    @abstractmethod
    def offload(self, function: Callable[..., Any], /, *args: Any) -> Any:
        """Run `function` in a real thread and wait for it without stopping the event loop."""

    @abstractmethod
    def serve(
        self, app: WsgiApp, *, host: str, port: int, backlog: int, limit: int, reuse_port: bool
    ) -> None:
        """Serve `app` until SIGTERM or SIGINT.

        Args:
            limit: connections served at once.

        Raises:
            OSError: the address cannot be listened on.
        """

    @abstractmethod
    def _wait_for(self, fileno: int, *, write: bool, seconds: float) -> None:
        """Let others run until the file is ready; raise `TimeoutError` after `seconds`."""

    def _make_psycopg2_green(self) -> None:
        """Give psycopg2 a wait that lets other green threads run and always ends."""
        extensions = importlib.import_module("psycopg2.extensions")
        timeout_error = importlib.import_module("psycopg2").OperationalError

        def wait(connection: Any) -> None:
            connecting = connection.status == extensions.STATUS_SETUP
            seconds = CONNECT_SECONDS if connecting else ANSWER_SECONDS
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
        self._make_psycopg2_green()

    def offload(self, function: Callable[..., Any], /, *args: Any) -> Any:
        """See `Engine.offload`."""
        from eventlet import tpool

        return tpool.execute(function, *args)

    def serve(
        self, app: WsgiApp, *, host: str, port: int, backlog: int, limit: int, reuse_port: bool
    ) -> None:
        """See `Engine.serve`."""
        import eventlet
        import eventlet.wsgi

        raise_file_limit(limit)
        listener = _listen(host, port, backlog, reuse_port)
        stopping: list[bool] = []

        def stop(*_: object) -> None:
            stopping.append(True)

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        server = eventlet.spawn(
            eventlet.wsgi.server,
            listener,
            app,
            max_size=limit,
            log_output=False,
            debug=False,
            protocol=_eventlet_protocol(),
            # True of them all; without it Flask takes a chunked body for none.
            environ={"wsgi.input_terminated": True},
            keepalive=SILENT_SECONDS,
            socket_timeout=SILENT_SECONDS,
        )
        server.link(lambda _: stop())
        # A signal neither wakes a sleeping hub nor may it switch green threads: look for it.
        while not stopping:
            eventlet.sleep(SIGNAL_SECONDS)
        listener.close()

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

    def serve(
        self, app: WsgiApp, *, host: str, port: int, backlog: int, limit: int, reuse_port: bool
    ) -> None:
        """See `Engine.serve`."""
        import gevent
        from gevent.event import Event
        from gevent.pywsgi import WSGIServer

        raise_file_limit(limit)
        listener = _listen(host, port, backlog, reuse_port)
        stopping = Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            gevent.signal_handler(number, stopping.set)
        server = WSGIServer(listener, app, spawn=limit, log=None, handler_class=_gevent_handler())
        server.start()
        stopping.wait()
        server.stop(timeout=0)

    def _wait_for(self, fileno: int, *, write: bool, seconds: float) -> None:
        from gevent.socket import wait_read, wait_write

        (wait_write if write else wait_read)(fileno, timeout=seconds, timeout_exc=TimeoutError())


def _eventlet_protocol() -> type:
    """How eventlet reads a request: with an end to waiting."""
    import eventlet
    import eventlet.wsgi

    class Protocol(eventlet.wsgi.HttpProtocol):  # type: ignore[misc]
        default_request_version = "HTTP/1.0"  # an error has a status line, whatever was asked

        def parse_request(self) -> bool:
            done = False
            with eventlet.Timeout(HEAD_SECONDS, False):
                done = super().parse_request()
            if done and not _has_one_end(self.headers):
                self.send_error(400)
                done = False
            if not done:
                self.close_connection = True
            return done

        def version_string(self) -> str:
            return "Ringback"

        def log_message(self, *_: object) -> None:
            """Whatever a client sends, it fills no log."""

    return Protocol


def _gevent_handler() -> type:
    """The same for gevent."""
    from http.client import HTTPException

    import gevent
    from gevent.pywsgi import WSGIHandler

    class Handler(WSGIHandler):  # type: ignore[misc]
        def handle(self) -> None:
            self.socket.settimeout(SILENT_SECONDS)
            super().handle()

        def read_request(self, raw_requestline: str) -> bool:
            with gevent.Timeout(HEAD_SECONDS, ValueError("The head came too slowly.")):
                return bool(super().read_request(raw_requestline))

        def MessageClass(self, *args: Any) -> Any:  # noqa: N802
            try:
                headers = super().MessageClass(*args)
            except HTTPException as error:  # too many headers
                raise ValueError(str(error)) from error
            if not _has_one_end(headers):
                raise ValueError("It is not clear where the body ends.")
            return headers

        def log_error(self, *_: object) -> None:
            """See eventlet's."""

    return Handler


def _has_one_end(headers: Any) -> bool:
    """Whether everybody agrees where the body ends; else some see a second request in it."""
    coding = headers.get("Transfer-Encoding")
    return coding is None or (coding.lower() == "chunked" and "Content-Length" not in headers)


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


def raise_file_limit(connections: int) -> None:
    """Make sure that `connections` sockets can be open at once.

    Raises:
        OSError: the hard limit of the system is lower; the message says what to change.
    """
    wanted = connections + FILES_BESIDE_CONNECTIONS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise OSError(
            f"max_connections={connections} needs {wanted} open files, but the system permits "
            f"{hard}. Lower RINGBACK_MAX_CONNECTIONS, or raise the limit (ulimit -Hn)."
        )
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _listen(host: str, port: int, backlog: int, reuse_port: bool) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # Accepted sockets inherit it. Without it gevent's second write of an answer waits 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if reuse_port:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    for name, value in KEEPALIVE.items():
        if hasattr(socket, name):  # which of them there are depends on the system
            listener.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    listener.bind((host, port))
    listener.listen(backlog)
    return listener
