"""How each engine reads requests: by the same rules, those of `app.engine.wire`.

The engines are imported late: only one is used, and importing eventlet warns of its retirement.
Their classes ship no types, hence the `type: ignore[misc]`; they dictate names such as `MessageClass`.
"""

from contextlib import suppress
from functools import cache
from http.client import HTTPException
from typing import Any

from app.engine.wire import HEAD_SECONDS, SILENT_SECONDS, BrokenBody, ChunkedBody, has_one_end


def eventlet_options() -> dict[str, Any]:
    """What eventlet's server is told beside what it serves."""
    return {
        "log_output": False,
        "debug": False,
        "protocol": _eventlet_protocol(),
        # True of them all; without it Flask takes a chunked body for none.
        "environ": {"wsgi.input_terminated": True},
        "keepalive": SILENT_SECONDS,
        "socket_timeout": SILENT_SECONDS,
    }


def _eventlet_protocol() -> type:
    """How eventlet reads a request: with an end to waiting, and to what it keeps."""
    import eventlet
    import eventlet.wsgi

    # eventlet has no types, so its classes are Any to mypy.
    class Protocol(eventlet.wsgi.HttpProtocol):  # type: ignore[misc]
        default_request_version = "HTTP/1.0"  # an error has a status line, whatever was asked

        def parse_request(self) -> bool:
            eventlet.sleep(0)  # who sends requests without a break takes turns with the others
            done = False
            with eventlet.Timeout(HEAD_SECONDS, False):
                done = super().parse_request()
            if done and not has_one_end(self.headers):
                self.send_error(400)
                done = False
            if not done:
                self.close_connection = True
            return done

        def get_environ(self) -> dict[str, Any]:
            environ: dict[str, Any] = super().get_environ()
            body = _eventlet_body()(environ["eventlet.input"], self)
            return environ | {"wsgi.input": body, "eventlet.input": body}

        def version_string(self) -> str:
            return "Ringback"

        def log_message(self, *_: object) -> None:
            """Whatever a client sends, it fills no log."""

    return Protocol


@cache
def _eventlet_body() -> type:
    import eventlet.wsgi

    # See `Protocol` above: to mypy it is Any.
    class Body(eventlet.wsgi.Input):  # type: ignore[misc]
        def __init__(self, given: Any, protocol: Any) -> None:
            self.__dict__.update(given.__dict__)
            self._protocol = protocol
            self._chunks = ChunkedBody(given.rfile)

        def _chunked_read(
            self, rfile: Any, length: int | None = None, use_readline: bool = False
        ) -> bytes:
            if self.should_send_hundred_continue:
                self.send_hundred_continue_response()
                self.is_hundred_continue_response_sent = True
            return _read(self._chunks, self._protocol, length, use_readline)

    return Body


def gevent_handler() -> type:
    """The same for gevent."""
    import gevent
    from gevent.pywsgi import WSGIHandler

    class Handler(WSGIHandler):  # type: ignore[misc]
        wsgi_input: Any

        def handle(self) -> None:
            self.socket.settimeout(SILENT_SECONDS)
            with suppress(ConnectionError):  # the client left before it was answered
                super().handle()

        def read_request(self, raw_requestline: str) -> bool:
            gevent.sleep(0)  # see eventlet's
            with gevent.Timeout(HEAD_SECONDS, ValueError("The head came too slowly.")):
                return bool(super().read_request(raw_requestline))

        def MessageClass(self, *args: Any) -> Any:  # noqa: N802
            return _gevent_headers(super().MessageClass, *args)

        def get_environ(self) -> dict[str, Any]:
            environ: dict[str, Any] = super().get_environ()
            body = self.wsgi_input = _gevent_body()(self.wsgi_input, self)
            if environ.get("HTTP_UPGRADE", "").lower() == "websocket":
                self.close_connection = True  # what its client sends afterwards is no request
            # If an upgrade is asked for it is the socket's file, and would be read twice.
            if body.chunked_input or body.content_length:
                environ |= {"wsgi.input": body, "wsgi.input_terminated": True}
            return environ

        def log_error(self, *_: object) -> None:
            """See eventlet's."""

    return Handler


def _gevent_headers(parse: Any, *args: Any) -> Any:
    try:
        headers = parse(*args)
    except HTTPException as error:  # too many headers
        raise ValueError(str(error)) from error
    if not has_one_end(headers):
        raise ValueError("It is not clear where the body ends.")
    return headers


@cache
def _gevent_body() -> type:
    from gevent.pywsgi import Input

    class Body(Input):  # type: ignore[misc]
        def __init__(self, given: Any, handler: Any) -> None:
            super().__init__(given.rfile, given.content_length, given.socket, given.chunked_input)
            self._handler = handler
            self._chunks = ChunkedBody(given.rfile)

        def _chunked_read(self, length: int | None = None, use_readline: bool = False) -> bytes:
            self._send_100_continue()
            return _read(self._chunks, self._handler, length, use_readline)

        def _discard(self) -> None:
            if not self._handler.close_connection:
                super()._discard()

    return Body


def _read(chunks: ChunkedBody, connection: Any, length: int | None, line: bool) -> bytes:
    """Read some of a body; one that is broken is the last request of its connection."""
    size = -1 if length is None else length
    try:
        return (chunks.readline(size) if line else chunks.read(size)) or b""
    except BrokenBody:
        connection.close_connection = True
        raise
