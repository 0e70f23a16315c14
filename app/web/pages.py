"""Serves the test page, its scripts and styles, and the official Socket.IO browser client.

Every file is sent with an ETag and `no-cache`: the browser asks each time and is told "unchanged".
"""

from pathlib import Path

from flask import Blueprint, Flask, Response, redirect, send_file, send_from_directory
from werkzeug.wrappers import Response as AnyResponse

PROJECT = Path(__file__).resolve().parent.parent.parent
STATIC = Path(__file__).resolve().parent / "static"
SOCKET_IO_CLIENT = PROJECT / "node_modules/socket.io-client/dist/socket.io.min.js"
NOT_INSTALLED = (
    "The Socket.IO browser client is not installed on this server. "
    "Run `make run` (or `npm ci`) in the project folder, then reload the page.\n"
)

pages = Blueprint("web", __name__)


def register(app: Flask) -> None:
    """Add the pages to the app."""
    app.register_blueprint(pages)


@pages.get("/")
def home() -> AnyResponse:
    """Lead to the one page there is."""
    return redirect("/test.html")


@pages.get("/test.html")
def test_page() -> Response:
    """The test page: the same file that also works when it is opened from disk."""
    return send_file(PROJECT / "test.html")


@pages.get("/assets/socket.io.js")
def socket_io_client() -> Response:
    """The official client as npm installed it, or 503 and what to do about it."""
    if not SOCKET_IO_CLIENT.is_file():
        return Response(NOT_INSTALLED, status=503, mimetype="text/plain")
    return send_file(SOCKET_IO_CLIENT)


# The second path is where a page opened from disk finds the same files beside itself.
@pages.get("/assets/<path:name>")
@pages.get("/app/web/static/<path:name>")
def asset(name: str) -> Response:
    """A script, style or picture of our own; 404 when there is none of that name."""
    return send_from_directory(STATIC, name)
