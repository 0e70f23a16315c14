"""The beat: a slow store, slow work, silences of the database, and whom it must not forget."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from flask import Flask

from app.artifacts.local import LocalArtifactStore
from app.artifacts.models import Artifact
from app.extensions import db, transaction
from app.jobs import retention, run, sweep
from app.jobs.beat import Beat
from app.jobs.models import Job, JobState
from app.jobs.silence import NEVER, Silence
from app.jobs.submit import submit
from app.services import services
from tests.support.at_once import at_once
from tests.support.core import LEASE_SECONDS, lost_job, make_app, new_job, state_of, turn
from tests.support.waiting import wait_for

__all__ = ["make_app"]


class SlowStore(LocalArtifactStore):
    """A folder that takes its time to delete."""

    def delete(self, key: str) -> None:
        time.sleep(0.6)
        super().delete(key)


class SilentStore(LocalArtifactStore):
    """A folder on a disk that does not answer until it is asked to."""

    asked = threading.Event()
    answers = threading.Event()

    def delete(self, key: str) -> None:
        self.asked.set()
        self.answers.wait(60)
        super().delete(key)


def database_time() -> datetime:
    with transaction():
        now: datetime = db.session.execute(db.select(db.func.now())).scalar_one()
    return now


@contextmanager
def at_work(app: Flask) -> Iterator[Beat]:
    """A beat that works beside the test, on threads of its own."""
    beat = Beat(app)
    thread = threading.Thread(target=beat.work)
    thread.start()
    try:
        yield beat
    finally:
        beat.stop()
        thread.join()


def expire_files() -> None:
    """Let the time of all files be over; needs a context."""
    with transaction():
        db.session.execute(db.update(Artifact).values(expires_at=db.func.now()))


def files_left() -> int:
    """How many files are not called deleted; needs a context."""
    with transaction():
        wanted = db.select(db.func.count()).where(Artifact.deleted_at.is_(None))
        left: int = db.session.execute(wanted).scalar_one()
    return left


def test_a_store_that_does_not_answer_holds_up_no_job(make_app: Callable[..., Flask]) -> None:
    app = make_app(SilentStore, sweep_seconds=0.1)
    with app.app_context():
        job = new_job("excel_test", {"rows": 1})
        run.run_job(app, job.id, 0, "test")
        expire_files()
        with at_work(app):
            try:
                assert SilentStore.asked.wait(30)
                lost = lost_job()
                wait_for(lambda: state_of(lost).state == JobState.QUEUED, "the rescue")
                assert files_left() == 1
            finally:
                SilentStore.answers.set()
            wait_for(lambda: files_left() == 0, "the end of the file")


def test_files_are_deleted_though_it_takes_longer_than_a_transaction_may(
    make_app: Callable[..., Flask],
) -> None:
    app = make_app(SlowStore, idle_transaction_timeout_seconds=1)
    with app.app_context():
        for _ in range(2):
            run.run_job(app, new_job("excel_test", {"rows": 1}).id, 0, "test")
        expire_files()
        assert retention.expire_artifacts() == 2
        assert files_left() == 0
        assert not [path for path in services().settings.artifact_dir.rglob("*") if path.is_file()]


def test_two_beats_that_delete_the_same_files_do_no_harm(make_app: Callable[..., Flask]) -> None:
    app = make_app(SlowStore)
    with app.app_context():
        run.run_job(app, new_job("excel_test", {"rows": 1}).id, 0, "test")
        expire_files()

        def expire() -> int:
            with app.app_context():
                return retention.expire_artifacts()

        assert at_once(expire, expire) == [1, 1]
        assert files_left() == 0


def test_work_of_the_beat_that_takes_long_is_not_taken_for_a_silence_of_the_database(
    make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(sweep_seconds=0.1)
    ringing, answered = threading.Event(), threading.Event()

    def ring(_: Job) -> None:
        ringing.set()
        answered.wait(60)

    monkeypatch.setattr(sweep, "publish_job", ring)
    with app.app_context():
        lost = [lost_job() for _ in range(3)]
        with at_work(app) as beat:
            try:
                assert ringing.wait(30)
                time.sleep(LEASE_SECONDS)  # longer than a silence may be
                wait_for(lambda: beat.silence.over_until() > database_time(), "an untroubled beat")
            finally:
                answered.set()
            wait_for(lambda: {state_of(job).state for job in lost} == {JobState.QUEUED}, "the rest")


def test_leases_are_looked_at_anew_before_each_job(make_app: Callable[..., Flask]) -> None:
    app = make_app()
    with app.app_context():
        lost = [lost_job() for _ in range(3)]
        limits = iter([database_time() + timedelta(minutes=1), NEVER])
        assert sweep.rescue_lost(until=lambda: next(limits)) == 1
        states = sorted(state_of(job).state for job in lost)
        assert states == [JobState.QUEUED, JobState.RUNNING, JobState.RUNNING]


def test_after_a_silence_leases_are_trusted_again_one_lease_later(
    make_app: Callable[..., Flask],
) -> None:
    app = make_app()
    with app.app_context():
        silence = Silence(LEASE_SECONDS, 0.1)

        def trusted() -> bool:
            silence.look()
            return silence.over_until() > database_time()

        assert not trusted()
        wait_for(trusted, "the end of the wait after the start")
        time.sleep(LEASE_SECONDS)  # nobody knows what was meanwhile
        assert silence.over_until() < database_time()
        assert not trusted()
        begun = time.monotonic()
        wait_for(trusted, "the end of the wait after the silence")
        assert time.monotonic() - begun > LEASE_SECONDS / 2


def test_a_job_whose_time_is_shorter_than_a_lease_is_run_again_when_its_worker_is_lost(
    make_app: Callable[..., Flask],
) -> None:
    app = make_app()
    with app.app_context():
        lost = lost_job("takes_too_long", {})
        claimed = db.func.now() - timedelta(seconds=31)  # 30 s, a whole lease, before it ran out
        with transaction():
            db.session.get_one(Job, lost).started_at = claimed
        turn(app)
        job = state_of(lost)
        assert (job.state, job.attempt) == (JobState.QUEUED, 2)


def test_users_whose_types_are_full_do_not_keep_others_waiting(
    make_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app()
    monkeypatch.setattr(sweep, "BATCH", 1)
    with app.app_context():
        first = new_job("one_at_a_time", {})
        second = submit(first.user_id, "one_at_a_time", {}).job
        other = new_job()
        with transaction():
            db.session.get_one(Job, other.id).state = JobState.WAITING
        assert sweep.admit_waiting() == 1
        assert state_of(other.id).state == JobState.QUEUED
        assert state_of(second.id).state == JobState.WAITING
        assert sweep.admit_waiting() == 0
        with transaction():
            db.session.get_one(Job, first.id).state = JobState.CANCELLED
        assert sweep.admit_waiting() == 1
        assert state_of(second.id).state == JobState.QUEUED
