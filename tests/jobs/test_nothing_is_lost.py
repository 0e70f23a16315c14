"""Two at once: claims, finishes; fair shares; files left over. Faults are in `tests/faults`."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import TypeVar
from uuid import UUID, uuid4

from flask import Flask

from app.extensions import db, transaction
from app.jobs import retention
from app.jobs.claim import claim
from app.jobs.finish import Outcome, finish
from app.jobs.models import Job, JobState
from tests.support.api import Api
from tests.support.stack import Stack

T = TypeVar("T")


def queued_job(user: Api) -> UUID:
    """A queued job of which the broker knows nothing; not due for the beat. Needs a context."""
    with transaction():
        job = Job(
            user_id=UUID(user.user_id),
            type="add",
            params={"a": 1, "b": 1},
            state=JobState.QUEUED,
            max_attempts=3,
            queue="default",
            priority=5,
            dispatches=9,
        )
        job.dispatched_at = db.session.scalar(db.select(db.func.now() + timedelta(days=1)))
        db.session.add(job)
    return job.id


def test_of_two_claims_one_wins(stack: Stack, user: Api) -> None:
    app = stack.core()
    with app.app_context():
        for _ in range(10):
            job_id = queued_job(user)
            won = together(app, lambda job_id=job_id: claim(job_id, 0, "test"), 4)
            (job,) = [each for each in won if each is not None]
            assert job.fence == 1
            assert claim(job_id, 0, "late") is None
            assert finish(job_id, 1, Outcome(JobState.SUCCEEDED, result={}))


def test_two_finishes_of_one_user_at_the_same_instant_get_neighbouring_numbers(
    stack: Stack, user: Api
) -> None:
    app = stack.core()
    with app.app_context():
        for _ in range(20):
            jobs = [claim(queued_job(user), 0, "test") for _ in range(2)]
            ended = together(app, partial(finish_next, iter(jobs)), 2)
            assert ended == [True, True]
    notifications = user.notifications()
    assert [each["seq"] for each in notifications] == list(range(1, 41))
    assert len({each["job_id"] for each in notifications}) == 40


def test_a_finish_under_an_old_fence_writes_nothing(stack: Stack, user: Api) -> None:
    with stack.core().app_context():
        job_id = queued_job(user)
        assert claim(job_id, 0, "first") is not None
        with transaction():
            job = db.session.get_one(Job, job_id)
            job.state, job.attempt = JobState.QUEUED, 2
        assert not finish(job_id, 1, Outcome(JobState.SUCCEEDED, result={"from": "first"}))
        assert claim(job_id, 1, "second") is not None
        assert not finish(job_id, 1, Outcome(JobState.SUCCEEDED, result={"from": "first"}))
        assert finish(job_id, 2, Outcome(JobState.SUCCEEDED, result={"from": "second"}))
    assert user.job(str(job_id))["result"] == {"from": "second"}
    assert len(user.notifications()) == 1


def test_a_finish_whose_answer_was_lost_can_be_said_again(stack: Stack, user: Api) -> None:
    with stack.core().app_context():
        job_id = queued_job(user)
        assert claim(job_id, 0, "test") is not None
        outcome = Outcome(JobState.SUCCEEDED, result={})
        assert finish(job_id, 1, outcome)
        assert finish(job_id, 1, outcome)
    assert len(user.notifications()) == 1


def test_one_user_has_only_a_share_of_the_queue(stack: Stack, user: Api) -> None:
    share = 4
    jobs = [user.submit("wait", seconds=0.3) for _ in range(10)]
    # In one answer, so at one moment: meanwhile they end, and others take their turn.
    states = [job["state"] for job in user.ok("GET", "/v1/jobs")["items"]]
    assert len([state for state in states if state in {"queued", "running"}]) <= share
    assert "waiting" in states
    for job in jobs:
        assert user.end_of(job["id"])["state"] == "succeeded"
    assert len(user.notifications()) == 10


def finish_next(jobs: Iterator[Job | None]) -> bool:
    """Finish the next of these claimed jobs."""
    job = next(jobs)
    assert job is not None
    return finish(job.id, job.fence, Outcome(JobState.SUCCEEDED, result={}))


def together(app: Flask, function: Callable[[], T], count: int) -> list[T]:
    """Call a function in several threads at the same instant; the results in any order."""
    barrier = threading.Barrier(count)
    results: list[T] = []

    def call() -> None:
        with app.app_context():
            barrier.wait()
            results.append(function())

    threads = [threading.Thread(target=call) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_old_files_that_no_job_refers_to_are_removed(stack: Stack, user: Api) -> None:
    folder = stack.folder / "artifacts"
    kept = user.end_of(user.ok("POST", "/v1/create_excel_test", json={"rows": 1})["id"])
    with stack.core().app_context():
        running = claim(queued_job(user), 0, "test")
        assert running is not None
        orphan, part, young, ours = (
            folder / f"{job}/{fence}/{name}"
            for job, fence, name in (
                (kept["id"], 7, "lost.xlsx"),
                (uuid4(), 1, "lost.xlsx.part"),
                (uuid4(), 1, "young.xlsx"),
                (running.id, running.fence, "being-written.xlsx.part"),
            )
        )
        for path in (orphan, part, young, ours):
            path.parent.mkdir(parents=True)
            path.write_bytes(b"")
        yesterday = time.time() - 90_000
        (result,) = folder.glob(f"{kept['id']}/1/*.xlsx")
        for path in (orphan, part, ours, result):
            os.utime(path, (yesterday, yesterday))
        retention.remove_orphans()
        assert not orphan.exists()
        assert not part.parent.exists()
        assert young.exists()
        assert ours.exists()
        assert user.call("GET", kept["artifact"]["url"]).status_code == 200
        ours.unlink()
        assert finish(running.id, running.fence, Outcome(JobState.SUCCEEDED, result={}))
