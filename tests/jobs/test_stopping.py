"""SIGTERM to a worker while jobs run: they end in the time they are given, or are handed back."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.standalone.servers import Servers
from tests.support.api import Api
from tests.support.database import query
from tests.support.process import AppProcess
from tests.support.stack import Stack
from tests.support.waiting import wait_for

GRACE = 2
ROW = "SELECT fence, attempt FROM jobs WHERE id = %s"
HANDED_BACK = ["accepted", "admitted", "claimed", "handed_back", "claimed", "succeeded"]


@pytest.fixture(scope="module")
def pair(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """An application with two workers."""
    folder = tmp_path_factory.mktemp("stopping")
    stack = Stack.start(servers, folder, RINGBACK_STOP_GRACE_SECONDS=str(GRACE))
    yield stack
    stack.stop()


@pytest.fixture
def other(pair: Stack, tmp_path: Path) -> Iterator[AppProcess]:
    """Makes the worker of the stack run; a second one stands by, and is started by the test."""
    if not pair.worker.is_running:
        pair.worker.start()
    second = AppProcess("worker", pair.environment, tmp_path / "second.log")
    yield second
    if second.is_running:
        second.kill()


def running(user: Api, job_type: str, count: int, **params: Any) -> list[str]:
    """Ids of new jobs, once all of them run; a second run of theirs will take no time."""
    jobs = [user.submit(job_type, **params)["id"] for _ in range(count)]
    for job in jobs:
        wait_for(lambda job=job: user.job(job)["state"] == "running", "the claim")
    return jobs


def events(user: Api, job_id: str) -> list[str]:
    return [each["event"] for each in user.ok("GET", f"/v1/jobs/{job_id}/events")["items"]]


def stop(worker: AppProcess) -> float:
    """SIGTERM; returns how many seconds the worker took to end, and checks how it ended."""
    begun = time.monotonic()
    assert worker.stop() == 0
    return time.monotonic() - begun


@pytest.mark.parametrize("report", [True, False])
def test_a_stopping_worker_hands_back_what_it_cannot_end_and_no_attempt_is_used_up(
    pair: Stack, other: AppProcess, tmp_path: Path, report: bool
) -> None:
    user = pair.new_user()
    jobs = running(user, "dawdles", 2, seconds=60, once=str(tmp_path), report=report)
    assert stop(pair.worker) < GRACE + 15
    assert {user.job(job)["state"] for job in jobs} == {"queued"}
    other.start()
    for job in jobs:
        assert user.end_of(job)["state"] == "succeeded"
        assert events(user, job) == HANDED_BACK
        assert query(pair.database_url, ROW, job) == [(2, 1)]
    assert len(user.notifications()) == 2


def test_a_job_that_ends_within_the_grace_ends_where_it_is(pair: Stack, other: AppProcess) -> None:
    user = pair.new_user()
    (job,) = running(user, "dawdles", 1, seconds=1)
    assert stop(pair.worker) < GRACE + 10
    assert user.job(job)["state"] == "succeeded"
    assert events(user, job) == ["accepted", "admitted", "claimed", "succeeded"]


def test_a_stopping_worker_takes_no_more_jobs(
    pair: Stack, other: AppProcess, tmp_path: Path
) -> None:
    user = pair.new_user()
    (first, *_) = running(user, "dawdles", 2, seconds=60, once=str(tmp_path))
    os.kill(pair.worker.pid, signal.SIGTERM)
    later = user.submit("add", a=1, b=1)["id"]
    wait_for(lambda: not pair.worker.is_running, "the end of the worker")
    assert user.job(later)["state"] == "queued"
    other.start()
    assert user.end_of(later)["state"] == "succeeded"
    assert user.end_of(first)["state"] == "succeeded"
    assert query(pair.database_url, ROW, later) == [(1, 1)]


@pytest.mark.parametrize("signals", [[signal.SIGTERM], [signal.SIGINT, signal.SIGINT]])
def test_signals_to_all_processes_of_a_worker_are_no_harder_than_one_to_the_worker(
    pair: Stack, other: AppProcess, tmp_path: Path, signals: list[signal.Signals]
) -> None:
    user = pair.new_user()
    jobs = running(user, "dawdles", 2, seconds=60, once=str(tmp_path))
    for number in signals:
        os.killpg(pair.worker.pid, number)
        time.sleep(1.2)
    wait_for(lambda: not pair.worker.is_running, "the end of the worker")
    other.start()
    for job in jobs:
        assert user.end_of(job)["state"] == "succeeded"
        assert events(user, job) == HANDED_BACK


def test_work_that_lets_nobody_else_run_is_killed_with_its_worker_and_rescued(
    pair: Stack, other: AppProcess, tmp_path: Path
) -> None:
    user = pair.new_user()
    (job,) = running(user, "dawdles", 1, hold=True, once=str(tmp_path))
    assert stop(pair.worker) < GRACE + 15
    other.start()
    assert user.end_of(job)["state"] == "succeeded"
    assert query(pair.database_url, ROW, job) == [(2, 2)]


def test_a_job_that_acts_on_the_outside_world_is_not_handed_to_another_worker(
    pair: Stack, other: AppProcess, tmp_path: Path
) -> None:
    user = pair.new_user()
    (job,) = running(user, "dawdles_once", 1, seconds=60, once=str(tmp_path))
    stop(pair.worker)
    ended = user.end_of(job)
    assert (ended["state"], ended["error"]["code"]) == ("failed", "outcome_unknown")


def test_every_job_ends_during_a_rolling_restart(
    pair: Stack, other: AppProcess, tmp_path: Path
) -> None:
    user = pair.new_user()
    long = running(user, "dawdles", 2, seconds=60, once=str(tmp_path))
    short = [user.submit("wait", seconds=0.3)["id"] for _ in range(10)]
    other.start()
    stop(pair.worker)
    pair.worker.start()
    wait_for(lambda: user.job(short[5])["state"] == "succeeded", "the middle")
    stop(other)
    for job in [*long, *short]:
        assert user.end_of(job)["state"] == "succeeded"
        assert query(pair.database_url, "SELECT attempt FROM jobs WHERE id = %s", job) == [(1,)]
    assert [query(pair.database_url, ROW, job)[0][0] for job in long] == [2, 2]
    assert len(user.notifications()) == 12
