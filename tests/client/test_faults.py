"""Servers that go away, answers that get lost, proxies that let little through."""

import hashlib
import select
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from app.client import DownloadFailed, Job, Refused, Ringback, State
from tests.client.support import PASSWORD, Bell, BlockedRingback, append, lose_answers
from tests.faults.relay import CHUNK, TURN_SECONDS, Relay
from tests.support.api import Api
from tests.support.stack import AppServer, Stack
from tests.support.waiting import wait_for


class Frail(Relay):
    """Breaks each connection after so many bytes.

    Attributes:
        limit: how many, of connections that begin from now on; 0 for any number.
    """

    limit = 0

    def _pump(self, others: dict[socket.socket, socket.socket]) -> None:
        passed = 0
        while not self.limit or passed < self.limit:
            readable, _, _ = select.select(list(others), [], [], TURN_SECONDS)
            for each in readable:
                data = each.recv(CHUNK)
                if not data:
                    return
                passed += len(data)
                others[each].sendall(data)


@pytest.fixture
def own_server(stack: Stack) -> Iterator[AppServer]:
    """A server for one test, which may kill it."""
    server = stack.add_server()
    yield server
    if server.process.is_running:
        server.stop()


def test_a_run_outlives_a_restart_of_its_server(own_server: AppServer, user: Api) -> None:
    began = threading.Event()
    bell, states, results = Bell(), list[State](), list[object]()

    def run() -> None:
        results.append(ringback.run("wait", seconds=3, on_progress=note).result)

    def note(job: Job) -> None:
        if job.state == "running":
            began.set()

    with Ringback(
        own_server.url,
        email=user.email,
        password=PASSWORD,
        after=0,
        on_notification=bell,
        on_state=states.append,
    ) as ringback:
        thread = threading.Thread(target=run)
        thread.start()
        assert began.wait(60)
        own_server.kill()
        wait_for(lambda: "offline" in [each.name for each in states], "that it is noticed")
        own_server.start()
        thread.join(60)
        assert not thread.is_alive()
        bell.wait_for(1)
    assert len(results) == 1
    assert bell.numbers == [1]


def test_a_submission_whose_answers_are_lost_makes_one_job(stack: Stack, user: Api) -> None:
    with Ringback(stack.url, email=user.email, password=PASSWORD) as ringback:
        adapter = lose_answers(ringback, "/v1/jobs", 2)
        job = ringback.run("add", a=4, b=4)
        assert adapter.left == 0
        assert [each.id for each in ringback.jobs()] == [job.id]
        adapter = lose_answers(ringback, "/retry", 1)
        again = job.retry()
        assert adapter.left == 0
        assert again.wait().result == {"sum": 8}
        assert again.view["follows"] == job.id
        assert [each.id for each in ringback.jobs()] == [again.id, job.id]


def test_a_submission_with_a_key_of_ones_own_is_the_first_job_again(
    stack: Stack, user: Api
) -> None:
    with Ringback(stack.url, email=user.email, password=PASSWORD) as ringback:
        first, second = (ringback.submit("add", a=1, b=1, key="monday") for _ in range(2))
        assert first.id == second.id
        with pytest.raises(Refused) as refused:
            ringback.submit("add", a=1, b=2, key="monday")
        assert refused.value.code == "idempotency_key_reused"


def test_a_cancel_whose_answer_is_lost_is_no_error(stack: Stack, user: Api) -> None:
    with Ringback(stack.url, email=user.email, password=PASSWORD) as ringback:
        job = ringback.submit("wait", seconds=60)
        lose_answers(ringback, "/cancel")
        assert job.cancel() is job
        wait_for(lambda: job.refresh().has_ended, "its end")
        assert job.cancel().state == "cancelled"


@pytest.mark.parametrize("blocked", [{"websocket"}, {"websocket", "polling"}])
def test_a_proxy_without_websockets_or_any_sockets_is_no_obstacle(
    stack: Stack, user: Api, blocked: set[str]
) -> None:
    bell = Bell()
    ringback = BlockedRingback(
        stack.url, email=user.email, password=PASSWORD, after=0, on_notification=bell
    )
    ringback.blocked = blocked
    with ringback:
        assert ringback.run("add", a=1, b=2).result == {"sum": 3}
        if "polling" not in blocked:
            append(stack, user, 5)
            bell.wait_for(6)
    assert bell.numbers == list(range(1, len(bell.rung) + 1))


def test_a_download_that_is_cut_goes_on_where_it_was(
    stack: Stack, user: Api, tmp_path: Path
) -> None:
    relay = Frail(urlsplit(stack.url).port or 0)
    with Ringback(f"http://localhost:{relay.port}", access_token=user.token) as ringback:
        job = ringback.run("excel_test", rows=50_000)
        ranges = watch_ranges(ringback)
        relay.limit = 400_000
        job.download(tmp_path / "rows.xlsx")
    relay.cut()
    assert len(ranges) >= 2
    content = (tmp_path / "rows.xlsx").read_bytes()
    assert job.artifact is not None
    assert hashlib.sha256(content).hexdigest() == job.artifact["sha256"]
    assert [each.name for each in tmp_path.iterdir()] == ["rows.xlsx"]


def watch_ranges(ringback: Ringback) -> list[str]:
    """What the client asks for in parts."""
    ranges: list[str] = []
    session = ringback._web._http
    send = session.send

    def note(request, **options):  # type: ignore[no-untyped-def]
        if "Range" in request.headers:
            ranges.append(request.headers["Range"])
        return send(request, **options)

    session.send = note  # type: ignore[method-assign]
    return ranges


def test_a_file_that_is_not_what_the_job_wrote_is_not_kept(
    stack: Stack, user: Api, tmp_path: Path
) -> None:
    target = tmp_path / "kept.xlsx"
    target.write_text("what was there before")
    with Ringback(stack.url, access_token=user.token) as ringback:
        job = ringback.run("excel_test", rows=10)
        assert job.artifact is not None
        job.artifact["sha256"] = "0" * 64
        with pytest.raises(DownloadFailed, match="checksum"):
            job.download(target)
        no_file = ringback.run("add", a=1, b=1)
        with pytest.raises(DownloadFailed, match="no file"):
            no_file.download(target)
    assert target.read_text() == "what was there before"
    assert [each.name for each in tmp_path.iterdir()] == ["kept.xlsx"]
