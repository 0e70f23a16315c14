"""The servers of both engines, and how they come to an end: the last request of a connection says so.

The engines are imported late, see `app.engine.http`.
"""

import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from app.engine import http
from app.engine.stop import Stop

WsgiApp = Callable[..., Any]


class EventletServer:
    """See `app.engine.stop.Running`."""

    def __init__(self, app: WsgiApp, stop: Stop, listener: socket.socket, limit: int) -> None:
        import eventlet
        import eventlet.wsgi

        self._listener, self._closed = listener, False
        self._pool = eventlet.GreenPool(limit)
        options = http.eventlet_options()
        options["protocol"] = _eventlet_protocol(options["protocol"], stop)
        self._thread = eventlet.spawn(
            eventlet.wsgi.server, listener, app, custom_pool=self._pool, **options
        )

    @property
    def alive(self) -> bool:
        """See `Running`."""
        return not self._thread.dead

    @property
    def requests(self) -> int:
        """See `Running`."""
        return int(self._pool.running())

    def close(self) -> None:
        """See `Running`. The killed thread closes what is idle, and each of the rest in its turn."""
        if not self._closed:
            self._closed = True
            self._thread.kill()
            self._listener.close()


class GeventServer:
    """See `app.engine.stop.Running`."""

    def __init__(self, app: WsgiApp, stop: Stop, listener: socket.socket, limit: int) -> None:
        from gevent.pywsgi import WSGIServer

        self._idle: set[Any] = set()
        handler = _gevent_handler(http.gevent_handler(), stop, self._idle)
        self._server = WSGIServer(listener, app, spawn=limit, log=None, handler_class=handler)
        self._server.start()

    @property
    def alive(self) -> bool:
        """See `Running`."""
        return bool(self._server.started)

    @property
    def requests(self) -> int:
        """See `Running`."""
        return len(self._server.pool)

    def close(self) -> None:
        """See `Running`."""
        self._server.close()
        for each in self._idle:
            with suppress(OSError):  # the client was faster
                each.shutdown(socket.SHUT_RDWR)


def _eventlet_protocol(given: type, stop: Stop) -> type:
    class Protocol(given):  # type: ignore[misc]
        _last = False

        @property
        def close_connection(self) -> bool:
            """Whether this request is the last one of its connection; the answer says so."""
            return self._last or stop.begun

        @close_connection.setter
        def close_connection(self, value: bool) -> None:
            self._last = bool(value)

    return Protocol


def _gevent_handler(given: type, stop: Stop, idle: set[Any]) -> type:
    """The same for gevent; `idle` has the connections that wait for a request."""

    class Handler(given):  # type: ignore[misc]
        def read_requestline(self) -> Any:
            connection = self.socket
            idle.add(connection)
            try:
                return super().read_requestline()
            finally:
                idle.discard(connection)

        def start_response(self, status: str, headers: Any, exc_info: Any = None) -> Any:
            if stop.begun:
                headers = [*headers, ("Connection", "close")]
            return super().start_response(status, headers, exc_info)

    return Handler
