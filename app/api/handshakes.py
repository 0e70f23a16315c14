"""Refuses what claims to open a WebSocket and does not: the engines would fail on it with 500."""

import re
from base64 import b64decode
from binascii import Error as NotBase64
from typing import Any

VERSION = "13"
KEY_BYTES = 16
_NAME = re.compile(r"HTTP_[A-Z0-9_]+")
_PLAIN = re.compile(r"[\t -~]*")
# Offers of compression: it would keep 0.3 MB for each connection, and unpack bombs. And both engines
# fail on offers that are not well made.
_EXTENSIONS = "HTTP_SEC_WEBSOCKET_EXTENSIONS"


class Handshakes:
    """WSGI middleware: answers 400 to a malformed opening handshake (RFC 6455, 4.2.1).

    Args:
        app: the rest.
    """

    def __init__(self, app: Any) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """See PEP 3333."""
        if environ.get("HTTP_UPGRADE", "").strip().lower() != "websocket":
            return self._app(environ, start_response)
        _drop_unreadable(environ)
        if _is_sound(environ):
            return self._app(environ, start_response)
        body = b"This is not a WebSocket handshake (RFC 6455).\n"
        headers = [
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Length", str(len(body))),
            ("Sec-WebSocket-Version", VERSION),
        ]
        start_response("400 BAD REQUEST", headers)
        return [body]


def _drop_unreadable(environ: dict[str, Any]) -> None:
    """Foreign cookies and the like, which matter to no handshake and which gevent's side parses."""
    headers = [name for name in environ if name.startswith("HTTP_")]
    for name in headers:
        if not (_NAME.fullmatch(name) and _PLAIN.fullmatch(environ[name])):
            del environ[name]
    environ.pop(_EXTENSIONS, None)


def _is_sound(environ: dict[str, Any]) -> bool:
    asked = {each.strip().lower() for each in environ.get("HTTP_CONNECTION", "").split(",")}
    try:
        key = b64decode(environ.get("HTTP_SEC_WEBSOCKET_KEY", ""), validate=True)
    except (NotBase64, ValueError):
        return False
    return (
        environ["REQUEST_METHOD"] == "GET"
        and "upgrade" in asked
        and environ.get("HTTP_SEC_WEBSOCKET_VERSION", "") == VERSION
        and len(key) == KEY_BYTES
        and bool(environ.get("HTTP_HOST"))
    )
