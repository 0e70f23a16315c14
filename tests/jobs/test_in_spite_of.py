"""What must not keep the beat or a worker from its work; in this process, without the others."""

import time
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy.exc import OperationalError

from app.artifacts.models import Artifact
from app.extensions import db, transaction
from app.jobs import run, sweep
from app.jobs.admit import ADMISSION_LOCK
from app.jobs.beat import Beat
from app.jobs.finish import finish
from app.jobs.models import Job, JobState
from app.jobs.stopping import stopping
from app.services import services
from tests.support.core import (
    LEASE_SECONDS,
    StubbornStore,
    lost_job,
    make_app,
    new_job,
    state_of,
    turn,
)
from tests.support.database import connect

__all__ = ["make_app"]


def test_a_file_that_cannot_be_deleted_does_not_keep_the_beat_from_its_work(
    make_app: Callable[..., Flask],
) -> None:
    app = make_app(StubbornStore)
    with app.app_context():
        job = new_job("excel_test", {"rows": 1})
        run.run_job(app, job.id, 0, "test")
        with transaction():
            artifact = db.session.scalars(db.select(Artifact)).one()
            artifact.expires_at = db.func.now() - timedelta(seconds=1)
        lost = lost_job()
        turn(app)
        assert state_of(lost).state == JobState.QUEUED
        db.session.refresh(artifact)
        assert artifact.deleted_at is None


def test_a_job_that_cannot_be_swept_does_not_hold_up_those_behind_it(
    make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app()
    with app.app_context():
        first, second = lost_job(), lost_job()
        real = sweep._why_not_again

        def picky(job: Job) -> Any:
            if job.id == first:
                raise RuntimeError("something is wrong with this one")
            return real(job)

        monkeypatch.setattr(sweep, "_why_not_again", picky)
        turn(app)
        assert state_of(first).state == JobState.RUNNING
        assert state_of(second).state == JobState.QUEUED


def test_a_lock_that_somebody_holds_is_not_taken_for_an_outage(
    make_app: Callable[..., Flask],
) -> None:
    app = make_app(lock_timeout_seconds=0.3)
    with app.app_context():
        waiting = new_job()
        with transaction():
            db.session.get_one(Job, waiting.id).state = JobState.WAITING
        lost = lost_job()
        url = services().settings.database_url.get_secret_value()
        with closing(connect(url)) as other, other.cursor() as cursor:
            cursor.execute(
                "SELECT pg_advisory_lock(%s, hashtext(%s))", (ADMISSION_LOCK, str(waiting.user_id))
            )
            beat = Beat(app)
            beat.turn()
            time.sleep(LEASE_SECONDS + 0.05)
            beat.look()
            beat.turn()
        assert state_of(lost).state == JobState.QUEUED
        assert state_of(waiting.id).state == JobState.WAITING
        beat.turn()
        assert state_of(waiting.id).state == JobState.QUEUED


def test_a_succeeded_job_keeps_its_file_when_the_answer_to_its_finish_never_comes(
    make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app()
    with app.app_context():
        job = new_job("excel_test", {"rows": 1})
        tries: list[bool] = []

        def finish_unheard(*arguments: Any) -> bool:
            tries.append(finish(*arguments))
            if len(tries) == 2:
                monkeypatch.setattr(stopping, "overdue", lambda *_: True)
            raise OperationalError("COMMIT", {}, Exception("the connection was lost"))

        monkeypatch.setattr(run, "finish", finish_unheard)
        run.run_job(app, job.id, 0, "test")
        assert tries == [True, True]
        assert state_of(job.id).state == JobState.SUCCEEDED
        artifact = db.session.scalars(db.select(Artifact)).one()
        assert services().store.path(artifact.storage_key).stat().st_size == artifact.size


def test_a_failed_job_whose_half_file_cannot_be_deleted_still_tells_its_reason(
    make_app: Callable[..., Flask],
) -> None:
    app = make_app(StubbornStore)
    with app.app_context():
        job = new_job("raises", {})
        run.run_job(app, job.id, 0, "test")
        ended = state_of(job.id)
        assert (ended.state, ended.error_code) == (JobState.FAILED, "job_raised")


def test_an_interrupted_worker_leaves_no_half_file(make_app: Callable[..., Flask]) -> None:
    app = make_app()
    with app.app_context():
        store = services().store
        with suppress(KeyboardInterrupt), store.write(UUID(int=1), 1, "a.txt", "text/plain") as it:
            it.file.write(b"half")
            raise KeyboardInterrupt
        assert [path for path in store.root.rglob("*") if path.is_file()] == []  # type: ignore[attr-defined]
