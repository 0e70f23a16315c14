"""SIGTERM to a server: clients are told, what is under way ends, and the process within its time."""

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from hashlib import sha256
from typing import Any

import psycopg2
import pytest
import requests
from socketio.exceptions import ConnectionError as Refused

from app.operations.draining import AT_ONCE_SECONDS
from app.standalone.servers import Servers
from tests.operations.leaving import Crowd, SlowDownload, SlowRequest
from tests.operations.support import records
from tests.support.api import Api
from tests.support.database import query
from tests.support.socket import Listener
from tests.support.stack import AppServer, Stack
from tests.support.waiting import wait_for

GRACE = 15.0
SHORT_GRACE = 3.0
# Ending the interpreter itself takes a while on a busy machine.
PATIENCE = 20.0
CLIENTS = 100
STORED = "SELECT to_seq FROM acknowledgements WHERE device = %s ORDER BY to_seq DESC LIMIT 1"
WAITING = """
SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND state = 'active'
"""


@pytest.fixture(scope="module")
def drained(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    settings = {
        "RINGBACK_STOP_GRACE_SECONDS": str(GRACE),
        "RINGBACK_MAX_SOCKETS_PER_USER": str(CLIENTS * 2),
        "RINGBACK_LOG_FORMAT": "json",
    }
    stack = Stack.start(servers, tmp_path_factory.mktemp("drained"), **settings)
    yield stack
    stack.stop()


@pytest.fixture(params=["eventlet", "gevent"])
def server(drained: Stack, request: pytest.FixtureRequest) -> Iterator[AppServer]:
    """One that the test stops."""
    server = drained.add_server(request.param)
    server.process.log.write_text("")
    yield server
    if server.process.is_running:
        server.kill()


@pytest.fixture
def user(drained: Stack) -> Api:
    return drained.new_user()


@contextmanager
def stopping(server: AppServer) -> Iterator["Future[tuple[int, float]]"]:
    """SIGTERM; gives exit status and seconds, once it has ended."""

    def stop() -> tuple[int, float]:
        begun = time.monotonic()
        return server.process.stop(), time.monotonic() - begun

    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(stop)


def told(server: AppServer, event: str) -> list[dict[str, Any]]:
    """The lines of the server's log."""
    return [each for each in records(server.process.log) if each["event"] == event]


class Meanwhile:
    """Asks a server again and again, until it listens no more.

    Attributes:
        answers: of `/readyz`; `refusals`: what the server said to handshakes.
    """

    def __init__(self, server: AppServer, token: str) -> None:
        self.answers: list[requests.Response] = []
        self.refusals: list[dict[str, Any]] = []
        self._server, self._token = server, token
        self._threads = [threading.Thread(target=each) for each in (self._ask, self._knock)]
        for each in self._threads:
            each.start()

    def wait(self) -> None:
        for each in self._threads:
            each.join()

    def _ask(self) -> None:
        with suppress(requests.ConnectionError):
            while True:
                self.answers.append(requests.get(f"{self._server.url}/readyz", timeout=10))
                time.sleep(0.05)

    def _knock(self) -> None:
        while listens(self._server):
            with Listener(self._server.url) as late, suppress(Refused):
                late.connect(self._token)
            if isinstance(late.refused, dict):
                self.refusals.append(late.refused["data"])


def test_each_client_is_told_before_it_is_disconnected_and_the_server_answers_meanwhile(
    server: AppServer, user: Api
) -> None:
    with Crowd(server.url, user.token, CLIENTS) as crowd, Crowd(server.url, user.token, 1) as stuck:
        os.kill(stuck.pid, signal.SIGSTOP)  # it does not hang up: it is waited for, and cut off
        meanwhile = Meanwhile(server, user.token)
        with stopping(server) as end:
            status, seconds = end.result()
        os.kill(stuck.pid, signal.SIGCONT)  # before it believes that it lost its server
        meanwhile.wait()
        for each in (crowd, stuck):
            each.wait()
    assert status == 0
    assert seconds < GRACE + PATIENCE
    check_what_was_told(crowd, CLIENTS)
    check_what_was_told(stuck, 1)
    times = [at for _, at in crowd.heard("error")]
    assert max(times) - min(times) > 1.0  # each 20 ms after the one before
    retries = [payload["retry_after"] for payload, _ in crowd.heard("error")]
    assert 1.0 <= min(retries) < max(retries) <= 4.0
    assert len(set(retries)) > CLIENTS / 4
    (cut,) = told(server, "clients cut off")
    assert 1 <= cut["count"] <= 2  # it, and maybe one that was just being refused
    check_what_was_answered(meanwhile)


def check_what_was_told(crowd: Crowd, count: int) -> None:
    assert len(crowd.told) == count
    for heard in crowd.told.values():
        assert [event for event, _, _ in heard] == ["ready", "error", "disconnect"]
        (_, error, _), (_, reason, _) = heard[1:]
        assert (error["code"], error["retryable"]) == ("server_stopping", True)
        assert reason == "io server disconnect"


def check_what_was_answered(meanwhile: Meanwhile) -> None:
    last = meanwhile.answers[-1]
    assert (last.status_code, last.headers["Connection"]) == (503, "close")
    part = last.json()["parts"]["server"]
    assert (part["ok"], part["required"], part["reason"]) == (False, True, "stopping")
    problem = meanwhile.refusals[-1]
    assert (problem["code"], problem["retryable"]) == ("server_stopping", True)
    assert problem["retry_after"] >= 1


def test_one_client_does_not_hold_up_the_end_but_what_it_acknowledged_is_stored(
    server: AppServer, user: Api, drained: Stack
) -> None:
    user.run("add", a=1, b=2)
    idle = requests.Session()  # a connection that is kept alive and asks for nothing
    assert idle.get(f"{server.url}/healthz", timeout=10).ok
    with (
        closing(idle),
        closing(psycopg2.connect(drained.database_url.replace("+psycopg2", ""))) as holder,
        Listener(server.url).connect(user.token, after=0, device="phone") as listener,
    ):
        listener.wait_for("notification")
        holder.cursor().execute("LOCK TABLE acknowledgements")
        listener.client.emit("ack", {"seq": 1})
        wait_for(lambda: query(drained.database_url, WAITING), "that the server waits for the lock")
        with stopping(server) as end:
            listener.wait_until_disconnected()
            holder.rollback()
            status, seconds = end.result()
    (error,) = listener.named("error")
    assert (status, error["code"]) == (0, "server_stopping")
    assert seconds < GRACE
    assert query(drained.database_url, STORED, "phone") == [(1,)]
    assert told(server, "server stopped")


def test_a_download_and_a_slow_request_end_and_what_they_brought_is_whole(
    server: AppServer, user: Api
) -> None:
    job = user.run("misbehaves", trick="write_sixteen_megabytes")
    download = SlowDownload(server.url, user, job["id"])
    request = SlowRequest(server.url, user)
    idle = requests.Session()
    assert idle.get(f"{server.url}/healthz", timeout=10).ok
    with stopping(server) as end:
        wait_for(lambda: not listens(server), "that the server listens no more")
        assert server.process.is_running
        answer = request.finish()
        body = download.finish()
        status, seconds = end.result()
    idle.close()
    assert answer.startswith(b"HTTP/1.1 202")
    assert b"\r\nconnection: close\r\n" in answer.lower()
    assert user.end_of(json.loads(answer.partition(b"\r\n\r\n")[2])["id"])["state"] == "succeeded"
    artifact = user.job(job["id"])["artifact"]
    assert (len(body), sha256(body).hexdigest()) == (artifact["size"], artifact["sha256"])
    assert (status, told(server, "requests cut off")) == (0, [])
    assert seconds < GRACE


@pytest.mark.parametrize(("engine", "again"), [("eventlet", True), ("gevent", False)])
def test_a_request_that_does_not_end_is_cut_off_in_time_or_at_a_second_signal(
    drained: Stack, user: Api, engine: str, again: bool
) -> None:
    grace = GRACE if again else SHORT_GRACE
    server = drained.add_server(engine, RINGBACK_STOP_GRACE_SECONDS=str(grace))
    request = SlowRequest(server.url, user)
    with stopping(server) as end:
        if again:
            wait_for(lambda: not listens(server), "that the server listens no more")
            time.sleep(AT_ONCE_SECONDS)  # two signals in less are one
            os.kill(server.process.pid, signal.SIGINT)
        status, seconds = end.result()
    assert request.answer() == b""
    assert status == 0
    assert (AT_ONCE_SECONDS if again else SHORT_GRACE) < seconds
    assert seconds < (GRACE if again else SHORT_GRACE + PATIENCE)
    assert [each["count"] for each in told(server, "requests cut off")] == [1]


def listens(server: AppServer) -> bool:
    try:
        socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2])), 5).close()
    except OSError:
        return False
    return True
