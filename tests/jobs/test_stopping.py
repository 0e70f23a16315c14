"""SIGTERM to a worker while jobs run: they end in the time they are given, or are handed back."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from celery import Celery
from celery.exceptions import Reject

from app.factory import create_celery
from app.jobs import tasks
from app.jobs.broker import RUN_JOB
from app.jobs.stopping import AT_ONCE_SECONDS, Stopping
from app.standalone.servers import Servers
from tests.support.api import Api
from tests.support.database import query
from tests.support.in_process import make_settings
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


def test_a_stopping_worker_hands_back_what_it_cannot_end_and_takes_no_more(
    pair: Stack, other: AppProcess, tmp_path: Path
) -> None:
    user = pair.new_user()
    (polite,) = running(user, "dawdles", 1, seconds=60, once=str(tmp_path))
    (deaf,) = running(user, "dawdles", 1, seconds=60, once=str(tmp_path), report=False)
    os.kill(pair.worker.pid, signal.SIGTERM)
    later = user.submit("add", a=1, b=1)["id"]
    assert stop(pair.worker) < GRACE + 15
    assert {user.job(job)["state"] for job in (polite, deaf, later)} == {"queued"}
    other.start()
    for job in (polite, deaf):
        assert user.end_of(job)["state"] == "succeeded"
        assert events(user, job) == HANDED_BACK
        assert query(pair.database_url, ROW, job) == [(2, 1)]
    assert user.end_of(later)["state"] == "succeeded"
    assert query(pair.database_url, ROW, later) == [(1, 1)]
    assert len(user.notifications()) == 3


def test_a_job_that_can_ends_in_the_grace_and_one_that_acts_outside_is_not_run_twice(
    pair: Stack, other: AppProcess, tmp_path: Path
) -> None:
    user = pair.new_user()
    jobs = [
        user.submit("dawdles", seconds=1.5)["id"],
        user.submit("dawdles_once", seconds=60)["id"],
    ]
    for job in jobs:
        wait_for(lambda job=job: "claimed" in events(user, job), "the claim")
    assert stop(pair.worker) < GRACE + 15
    short, outside = (user.job(job) for job in jobs)
    assert short["state"] == "succeeded"
    assert (outside["state"], outside["error"]["code"]) == ("failed", "outcome_unknown")
    for job in jobs:
        assert query(pair.database_url, ROW, job) == [(1, 1)]


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


@pytest.fixture(scope="module")
def celery(servers: Servers) -> Celery:
    """One for all tests here: Celery warns of a second one with tasks of the same names."""
    return create_celery(make_settings(servers, "postgresql+psycopg2://nobody@127.0.0.1:1/none"))


def test_a_message_that_comes_while_the_worker_stops_is_left_to_another_one(
    celery: Celery, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = Stopping()
    stopped.begin(0)
    monkeypatch.setattr(tasks, "stopping", stopped)
    with pytest.raises(Reject) as rejected:
        celery.tasks[RUN_JOB](str(uuid4()), 0)
    assert rejected.value.requeue


def test_a_job_that_leaves_no_memory_to_end_it_does_not_end_the_whole_worker(
    celery: Celery, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_job(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(tasks, "run_job", run_job)
    with pytest.raises(RuntimeError, match="no memory left"):  # a MemoryError would
        celery.tasks[RUN_JOB](str(uuid4()), 0)


def test_the_shortest_grace_counts_and_a_second_signal_means_at_once() -> None:
    stopping = Stopping()
    assert not stopping.begun
    stopping.begin_here(60)
    assert not stopping.begun  # the worker goes on, this process alone was told
    stopping.begin(60)
    stopping.begin(120)
    assert stopping.begun
    assert not stopping.overdue()
    stopping.begin_here(60)
    assert not stopping.overdue()
    stopping.begin_here(60 + AT_ONCE_SECONDS + 1)  # so it began longer ago than one stop takes
    assert stopping.overdue()
    assert not stopping.overdue(patience_seconds=30)
    stopping.forget_here()
    assert not stopping.overdue()
    stopping.begin(0)
    assert stopping.overdue()
