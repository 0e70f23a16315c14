"""Serves the pages, their scripts and styles, and the official Socket.IO browser client.

Every file is sent with an ETag and `no-cache`: the browser asks each time and is told "unchanged".
"""

from pathlib import Path

from flask import Blueprint, Flask, Response, redirect, send_file, send_from_directory
from werkzeug.wrappers import Response as AnyResponse

PROJECT = Path(__file__).resolve().parent.parent.parent
STATIC = Path(__file__).resolve().parent / "static"
DOCS = Path(__file__).resolve().parent / "docs.html"
NODE_MODULES = PROJECT / "node_modules"
SOCKET_IO = NODE_MODULES / "socket.io-client/dist"
SOCKET_IO_CLIENTS = {
    "socket.io.js": SOCKET_IO / "socket.io.min.js",  # a script; it defines `io`
    "socket.io.esm.js": SOCKET_IO / "socket.io.esm.min.js",  # a module; `ringback.js` imports it
}
SWAGGER_UI = NODE_MODULES / "swagger-ui-dist"
NOT_INSTALLED = (
    "The browser's part is not installed on this server. "
    "Run `make run` (or `npm ci`) in the project folder, then reload the page.\n"
)

# No script and no style but those of files of this server; `data:` is for Swagger UI's own icons,
# `blob:` for pictures that the test page has fetched with its token.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

pages = Blueprint("web", __name__)


def register(app: Flask) -> None:
    """Add the pages to the app."""
    app.register_blueprint(pages)


@pages.after_request
def _let_pages_load_their_files(response: Response) -> Response:
    if response.mimetype == "text/html":
        response.headers["Content-Security-Policy"] = POLICY
    return response


@pages.get("/")
def home() -> AnyResponse:
    """Lead to the one page there is."""
    return redirect("/test.html")


@pages.get("/test.html")
def test_page() -> Response:
    """The test page: the same file that also works when it is opened from disk."""
    return send_file(PROJECT / "test.html")


@pages.get("/docs")
def docs() -> Response:
    """The API's description as a page: Swagger UI, started by a script of ours."""
    return send_file(DOCS)


@pages.get("/assets/swagger-ui/<name>")
def swagger_ui(name: str) -> Response:
    """A file of Swagger UI as npm installed it, for `/docs`."""
    return send_from_directory(SWAGGER_UI, name)


# The second path is where a page opened from disk finds the same files beside itself.
@pages.get("/assets/<path:name>")
@pages.get("/app/web/static/<path:name>")
def asset(name: str) -> Response:
    """A script, style or picture of our own, or the official client; 404 for any other name."""
    installed = SOCKET_IO_CLIENTS.get(name)
    return _for_any_page(_installed(installed) if installed else send_from_directory(STATIC, name))


def _installed(file: Path) -> Response:
    """A file of npm's, or 503 and what to do about it."""
    if not file.is_file():
        return Response(NOT_INSTALLED, status=503, mimetype="text/plain")
    return send_file(file)


def _for_any_page(response: Response) -> Response:
    """Let a page opened from disk, or of another origin, load a file that anybody may read."""
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response
