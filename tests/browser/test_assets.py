"""The files that the page is made of, as the server hands them out."""

from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.web import pages


@pytest.fixture
def client() -> FlaskClient:
    app = Flask("pages", static_folder=None)
    pages.register(app)
    return app.test_client()


@pytest.mark.parametrize(
    "path",
    ["/test.html", "/assets/test.css", "/assets/test.js", "/app/web/static/test.js"],
)
def test_an_unchanged_file_is_not_sent_again(client: FlaskClient, path: str) -> None:
    first = client.get(path, buffered=True)
    assert first.status_code == 200
    assert first.headers["Cache-Control"] == "no-cache"
    again = client.get(path, headers={"If-None-Match": first.headers["ETag"]}, buffered=True)
    assert (again.status_code, again.data) == (304, b"")


def test_every_file_that_the_page_names_is_served(client: FlaskClient) -> None:
    html = client.get("/test.html", buffered=True).text
    named = {part.split('"')[0] for part in html.split('="') if part.startswith("app/")}
    assert len(named) > 10
    assert {
        name: client.get(f"/{name}", buffered=True).status_code for name in named
    } == dict.fromkeys(named, 200)


def test_the_home_address_leads_to_the_page(client: FlaskClient) -> None:
    assert client.get("/", buffered=True).headers["Location"] == "/test.html"


@pytest.mark.parametrize("name", ["socket.io.js", "socket.io.esm.js"])
def test_the_official_client_is_served_as_it_was_installed(
    client: FlaskClient, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    installed = tmp_path / "installed.js"
    installed.write_text("/* Socket.IO */")
    monkeypatch.setitem(pages.SOCKET_IO_CLIENTS, name, installed)
    answer = client.get(f"/assets/{name}", buffered=True)
    assert answer.text == "/* Socket.IO */"
    assert "javascript" in answer.content_type
    assert answer.headers["ETag"]


@pytest.mark.parametrize("name", ["socket.io.js", "socket.io.esm.js"])
def test_without_the_official_client_the_answer_says_what_to_do(
    client: FlaskClient, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(pages.SOCKET_IO_CLIENTS, name, tmp_path / "missing.js")
    answer = client.get(f"/assets/{name}", buffered=True)
    assert answer.status_code == 503
    assert "make run" in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/assets/ringback.js",
        "/assets/ringback/session.js",
        "/assets/socket.io.esm.js",
        "/app/web/static/socket.io.esm.js",
    ],
)
def test_a_page_from_elsewhere_may_import_the_module(client: FlaskClient, path: str) -> None:
    answer = client.get(path, headers={"Origin": "null"}, buffered=True)
    assert answer.status_code == 200
    assert "javascript" in answer.content_type
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"


@pytest.mark.parametrize(
    "path", ["/assets/../pages.py", "/assets/%2e%2e/pages.py", "/assets/no.js"]
)
def test_nothing_else_of_the_disk_is_served(client: FlaskClient, path: str) -> None:
    assert client.get(path, buffered=True).status_code == 404
