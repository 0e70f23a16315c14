"""The collection under newman, against a running server."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import closing
from itertools import groupby
from threading import Thread

import pytest
from websocket import create_connection
from werkzeug import Request, Response
from werkzeug.serving import make_server

from tests.docs.pages import blocks
from tests.postman.collection import load, requests_in
from tests.support.api import Api
from tests.support.newman import ROOT, NewmanReport, newman_environment, run_collection
from tests.support.stack import Stack

NAMES = [each["name"] for each in requests_in(load())]
PAGE = "docs/postman.md"
ADDRESS = "http://localhost:5005"


@Request.application
def answer_nonsense(_: Request) -> Response:
    """The right kind of answer, and nothing in it."""
    return Response("{}", mimetype="application/json", headers={"X-Request-Id": "nonsense"})


@pytest.fixture
def nonsense() -> Iterator[str]:
    """Address of a server whose every answer is wrong."""
    server = make_server("127.0.0.1", 0, answer_nonsense, threaded=True)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_it_runs_from_sign_in_to_sign_out_and_again(stack: Stack) -> None:
    for _ in range(2):
        report = run_collection(stack.url)
        assert (report.status, report.failures) == (0, []), report.output
        # One request repeats itself until its job has ended.
        assert [name for name, _ in groupby(report.executed)] == NAMES
        assert report.assertions >= 2 * len(NAMES)
        assert unchecked(report) == []


def test_a_wrong_password_fails_the_run(stack: Stack) -> None:
    report = run_collection(stack.url, password="wrong")
    assert report.status != 0
    assert any(each.startswith("Sign in: ") for each in report.failures), report.failures


def test_every_request_notices_a_wrong_answer(nonsense: str) -> None:
    report = run_collection(nonsense)
    assert report.status != 0
    content = [
        name for name in NAMES if not any(each.startswith(f"{name}: ") for each in report.failures)
    ]
    assert content == []


def test_the_command_of_the_page_runs_it(stack: Stack) -> None:
    (command,) = blocks(PAGE, "sh")
    assert ADDRESS in command
    done = subprocess.run(
        ["bash", "-c", command.replace(ADDRESS, stack.url)],
        cwd=ROOT,
        env=newman_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_frames_of_the_page_connect_a_plain_websocket(stack: Stack, user: Api) -> None:
    address, connect = (block.strip() for block in blocks(PAGE, "text"))
    url = address.replace(ADDRESS.removeprefix("http:"), stack.url.removeprefix("http:"))
    socket = create_connection(url, timeout=30, suppress_origin=True)
    with closing(socket):
        opened = socket.recv()
        assert opened.startswith("0")
        told = (json.loads(opened[1:])[name] for name in ("pingInterval", "pingTimeout"))
        assert [*told] == [25_000, 20_000]
        socket.send(connect.replace("TOKEN", user.token))
        assert socket.recv().startswith("40")
        assert socket.recv().startswith('42["ready",')
        user.run("add", a=1, b=2)
        frames = iter(socket.recv, None)
        assert any(frame.startswith('42["notification",') for frame in frames)


def unchecked(report: NewmanReport) -> list[str]:
    """Requests in whose turn fewer than two things were asserted: one of all, one of their own."""
    return [
        each["item"]["name"] for each in report.executions if len(each.get("assertions", [])) < 2
    ]
