"""What a worker makes of the end of a job; in this process, without the others."""

import os
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.exc import OperationalError

from app.extensions import db, transaction
from app.jobs import child, run
from app.jobs.finish import finish
from app.jobs.models import Job, JobState
from tests.support.core import LEASE_SECONDS, make_app, new_job, state_of, turn

__all__ = ["make_app"]


def test_a_job_that_loses_its_lease_by_itself_uses_up_its_attempts(
    make_app: Callable[..., Flask],
) -> None:
    app = make_app()
    with app.app_context():
        job = new_job("lets_nobody_run", {"seconds": 2 * LEASE_SECONDS})
        run.run_job(app, job.id, 0, "test")
        assert state_of(job.id).state == JobState.RUNNING
        turn(app)
        lost = state_of(job.id)
        assert (lost.state, lost.attempt) == (JobState.QUEUED, 2)


def test_a_worker_never_ends_a_job_as_the_one_that_claimed_it_next(
    make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app()
    with app.app_context():
        job = new_job()

        def finish_late(*arguments: Any) -> bool:
            monkeypatch.setattr(run, "finish", finish)
            db.session.rollback()
            with transaction():
                taken = db.session.get_one(Job, job.id, populate_existing=True)
                taken.fence, taken.worker = 2, "the next"
            raise OperationalError("COMMIT", {}, Exception("the connection was lost"))

        monkeypatch.setattr(run, "finish", finish_late)
        run.run_job(app, job.id, 0, "test")
        assert (state_of(job.id).state, state_of(job.id).fence) == (JobState.RUNNING, 2)


def test_what_is_printed_is_read_on_though_a_line_found_no_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read: list[str] = []

    class Forgetful:
        def info(self, event: str, *, text: str) -> None:
            read.append(text)
            if len(read) == 1:
                raise MemoryError

    monkeypatch.setattr(child, "log", Forgetful())
    reading, writing = os.pipe()
    os.write(writing, b"one\ntwo\n")
    os.close(writing)
    child._relay(reading)
    assert read == ["one", "two"]
