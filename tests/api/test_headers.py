"""Headers that tell browsers what not to do: on every answer, whoever gives it."""

import re

import pytest

from app.api.headers import SECURITY_HEADERS
from app.web.pages import POLICY
from tests.support.api import Api
from tests.support.stack import AppServer, Stack

NOTHING = dict(SECURITY_HEADERS)["Content-Security-Policy"]
ANSWERS = {
    "/v1/users/me": 200,
    "/v1/nothing": 404,
    "/v1/jobs?limit=0": 422,
    "/v1/users": 403,
    "/healthz": 200,
    "/openapi.json": 200,
    "/": 302,
    "/test.html": 200,
    "/docs": 200,
    "/assets/test.js": 200,
    "/assets/socket.io.js": 200,
    "/assets/ringback.js": 200,
    "/assets/favicon.svg": 200,
    "/assets/nothing": 404,
    "/socket.io/?EIO=4&transport=polling": 200,
    "/socket.io/?EIO=3&transport=polling": 400,
}
FILES = [path for path, status in ANSWERS.items() if path.startswith("/assets/") and status == 200]


@pytest.fixture(params=["eventlet", "gevent"])
def server(request: pytest.FixtureRequest, stack: Stack) -> AppServer:
    return stack.server_under(request.param)


@pytest.fixture
def caller(stack: Stack) -> Api:
    return stack.new_user()


@pytest.mark.parametrize("path", ANSWERS)
def test_every_answer_has_each_header_once(server: AppServer, caller: Api, path: str) -> None:
    caller.url = server.url
    answer = caller.call("GET", path, allow_redirects=False)
    assert answer.status_code == ANSWERS[path]
    is_page = answer.headers["Content-Type"].startswith("text/html")
    for name, value in SECURITY_HEADERS:
        found = answer.raw.headers.getlist(name)
        if name == "Content-Security-Policy" and is_page:
            assert found == [POLICY]
        elif name == "Cross-Origin-Resource-Policy" and path in FILES:
            assert found == ["cross-origin"]  # a page opened from disk loads them
        elif name == "Cache-Control" and path.startswith(("/assets/", "/docs", "/test.html")):
            assert found == ["no-store"] if answer.status_code == 404 else ["no-cache"]
        else:
            assert found == [value], name


@pytest.mark.parametrize("origin", ["null", "https://accepted.example"])
def test_any_page_may_import_the_files_of_the_client(stack: Stack, origin: str) -> None:
    for path in FILES:
        answer = Api(stack.url).call("GET", path, headers={"Origin": origin})
        assert answer.raw.headers.getlist("Access-Control-Allow-Origin") == ["*"]
        assert "Access-Control-Allow-Credentials" not in answer.headers


def test_what_is_no_page_may_load_nothing_and_be_framed_by_nobody() -> None:
    for policy in (NOTHING, POLICY):
        assert policy.startswith("default-src 'none'")
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert "*" not in policy


def test_no_page_has_a_script_or_a_style_in_itself(stack: Stack) -> None:
    for path in ("/test.html", "/docs"):
        page = Api(stack.url).call("GET", path).text
        assert re.findall(r"<script(?![^>]*\ssrc=)[^>]*>", page) == []
        assert re.findall(r"<style|\sstyle=|\son\w+=|javascript:", page) == []


def test_an_answer_with_tokens_is_kept_by_nobody(stack: Stack, caller: Api) -> None:
    body = {"email": caller.email, "password": caller.password}
    answer = Api(stack.url).call("POST", "/v1/login", json=body)
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_file_is_downloaded_and_not_shown(caller: Api) -> None:
    job = caller.run("excel_test", rows=1)
    answer = caller.call("GET", f"/v1/jobs/{job['id']}/result")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == NOTHING
    assert "no-cache" in answer.headers["Cache-Control"]
    assert "private" in answer.headers["Cache-Control"]
