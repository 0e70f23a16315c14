"""Serves the test page, its scripts and styles, and the official Socket.IO browser client.

Every file is sent with an ETag and `no-cache`: the browser asks each time and is told "unchanged".
"""

from pathlib import Path

from flask import Blueprint, Flask, Response, redirect, send_file, send_from_directory
from werkzeug.wrappers import Response as AnyResponse

PROJECT = Path(__file__).resolve().parent.parent.parent
STATIC = Path(__file__).resolve().parent / "static"
NODE_MODULES = PROJECT / "node_modules"
SOCKET_IO_CLIENT = NODE_MODULES / "socket.io-client/dist/socket.io.min.js"
SWAGGER_UI = NODE_MODULES / "swagger-ui-dist"
NOT_INSTALLED = (
    "The browser's part is not installed on this server. "
    "Run `make run` (or `npm ci`) in the project folder, then reload the page.\n"
)

pages = Blueprint("web", __name__)


def register(app: Flask) -> None:
    """Add the pages to the app."""
    app.register_blueprint(pages)
    app.config.update(
        SWAGGER_UI_CSS="/assets/swagger-ui/swagger-ui.css",
        SWAGGER_UI_BUNDLE_JS="/assets/swagger-ui/swagger-ui-bundle.js",
        SWAGGER_UI_STANDALONE_PRESET_JS="/assets/swagger-ui/swagger-ui-standalone-preset.js",
        DOCS_FAVICON="/assets/favicon.svg",
    )


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


@pages.get("/assets/swagger-ui/<name>")
def swagger_ui(name: str) -> Response:
    """A file of Swagger UI as npm installed it, for `/docs`."""
    return send_from_directory(SWAGGER_UI, name)


# The second path is where a page opened from disk finds the same files beside itself.
@pages.get("/assets/<path:name>")
@pages.get("/app/web/static/<path:name>")
def asset(name: str) -> Response:
    """A script, style or picture of our own; 404 when there is none of that name."""
    return send_from_directory(STATIC, name)
