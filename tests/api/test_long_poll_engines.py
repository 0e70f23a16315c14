"""Requests that wait for a job, at real servers of both engines, whose threads are green."""

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.support.api import Api
from tests.support.long_poll import CROWD, LONG
from tests.support.stack import AppServer, Stack
from tests.support.waiting import wait_for

# Far below the time that they were asked to wait, on a busy machine as well.
SOON = 30.0
Asked = Future[requests.Response]


@pytest.fixture(params=["eventlet", "gevent"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def me(stack: Stack, engine: str) -> Api:
    """A new user, at a server of that engine."""
    return stack.new_user(stack.server_under(engine).url)


@pytest.fixture
def passing(stack: Stack, engine: str) -> Iterator[AppServer]:
    """One that the test may stop."""
    made = stack.add_server(engine)
    yield made
    if made.process.is_running:
        made.stop()


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(CROWD) as made:
        yield made


def crowd(pool: ThreadPoolExecutor, me: Api, job_id: str, **headers: str) -> list[Asked]:
    """So many requests that wait; comes back when the server knows of all."""

    def ask() -> requests.Response:
        url = f"{me.url}/v1/jobs/{job_id}?wait={LONG}"
        bearer = {"Authorization": f"Bearer {me.token}"}
        return requests.get(url, headers=bearer | headers, timeout=LONG + 30)

    asked = [pool.submit(ask) for _ in range(CROWD)]
    wait_for(lambda: measured(me, "ringback_http_waiting_requests") == CROWD, "all to wait", 60)
    return asked


def measured(me: Api, name: str) -> float:
    for family in text_string_to_metric_families(me.call("GET", "/metrics").text):
        if family.name == name:
            return family.samples[0].value
    raise AssertionError(f"no {name}")


def states(asked: list[Asked]) -> set[Any]:
    return {each.result(SOON).json()["state"] for each in asked}


def test_they_hold_no_connection_and_hear_of_the_end_at_once(
    pool: ThreadPoolExecutor, me: Api
) -> None:
    job = me.submit("wait", seconds=300)
    wait_for(lambda: me.job(job["id"])["state"] == "running", "the job to run")
    asked = crowd(pool, me, job["id"])
    for _ in range(10):
        assert me.call("GET", "/v1/jobs").status_code == 200
        # That of this request's own, and of the one look at all jobs.
        assert measured(me, "ringback_database_connections_in_use") <= 2
    assert not any(each.done() for each in asked)
    me.ok("POST", f"/v1/jobs/{job['id']}/cancel")
    assert states(asked) == {"cancelled"}
    assert measured(me, "ringback_http_waiting_requests") == 0


def test_a_server_that_is_told_to_stop_answers_them_and_ends(
    pool: ThreadPoolExecutor, passing: AppServer, stack: Stack
) -> None:
    me = stack.new_user(passing.url)
    job = me.submit("wait", seconds=300)
    etag = {"If-None-Match": me.call("GET", f"/v1/jobs/{job['id']}").headers["ETag"]}
    asked = crowd(pool, me, job["id"])
    began = time.monotonic()
    assert passing.stop() == 0
    assert time.monotonic() - began < SOON
    assert states(asked) <= {"waiting", "queued", "running"}
    assert "requests cut off" not in passing.process.log.read_text()
    elsewhere = Api(stack.url, me.email, me.password)
    assert elsewhere.call("GET", f"/v1/jobs/{job['id']}", headers=etag).status_code in {200, 304}
    elsewhere.ok("POST", f"/v1/jobs/{job['id']}/cancel")


def test_each_change_is_told_until_the_end(me: Api) -> None:
    job, etag, seen = me.submit("wait", seconds=2), "", []
    while not seen or seen[-1]["state"] not in {"succeeded", "failed", "cancelled"}:
        headers = {"If-None-Match": etag} if etag else {}
        wait = LONG // 3 if etag else 0
        answer = me.call("GET", f"/v1/jobs/{job['id']}?wait={wait}", headers=headers)
        if answer.status_code == 304:
            assert answer.content == b""
            continue
        assert answer.headers["ETag"] != etag
        etag = answer.headers["ETag"]
        seen.append(answer.json())
    versions = [each["version"] for each in seen]
    assert versions == sorted(set(versions))
    assert seen[-1]["state"] == "succeeded"


def test_a_lease_that_is_renewed_is_no_news(me: Api) -> None:
    job = me.submit("dawdles", seconds=300)
    wait_for(lambda: me.job(job["id"])["progress"] == 0.5, "its one progress")
    known = {"If-None-Match": me.call("GET", f"/v1/jobs/{job['id']}").headers["ETag"]}
    answer = me.call("GET", f"/v1/jobs/{job['id']}?wait=4", headers=known)  # four heartbeats
    assert answer.status_code == 304
    me.ok("POST", f"/v1/jobs/{job['id']}/cancel")
