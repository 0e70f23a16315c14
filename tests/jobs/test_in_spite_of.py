"""What must not keep the beat or a worker from its work; in this process, without the others."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy.exc import OperationalError

from app.accounts import users
from app.accounts.models import Role
from app.accounts.passwords import directly
from app.artifacts.local import LocalArtifactStore
from app.artifacts.models import Artifact
from app.extensions import db, transaction
from app.factory import create_core, default_services
from app.jobs import run, sweep
from app.jobs.admit import ADMISSION_LOCK
from app.jobs.beat import Beat
from app.jobs.claim import claim
from app.jobs.finish import finish
from app.jobs.models import Job, JobState
from app.jobs.stopping import stopping
from app.jobs.submit import submit
from app.migrate import migrate
from app.services import services
from app.standalone.servers import Servers
from tests.support.database import connect, create_database
from tests.support.in_process import make_settings

LEASE_SECONDS = 0.6


class StubbornStore(LocalArtifactStore):
    """A folder in which files can be written but not deleted."""

    def delete(self, key: str) -> None:
        raise OSError(30, "Read-only file system")


class Undispatched:
    """A broker that nobody listens to."""

    def dispatch(self, job_id: UUID, fence: int, *, queue: str) -> None:
        """The test claims jobs itself."""


@pytest.fixture
def make_app(servers: Servers, tmp_path: Path) -> Iterator[Callable[..., Flask]]:
    """Makes a core app on a database of its own."""
    made: list[Flask] = []

    def make(store: type[LocalArtifactStore] = LocalArtifactStore) -> Flask:
        settings = make_settings(
            servers,
            create_database(servers),
            lease_seconds=LEASE_SECONDS,
            heartbeat_seconds=0.2,
            progress_seconds=0.1,
            lock_timeout_seconds=0.3,
            artifact_dir=tmp_path,
            job_type_packages=["app.job_types", "tests.support.job_types"],
        )
        given = replace(
            default_services(settings), store=store(tmp_path), dispatcher=Undispatched()
        )
        made.append(create_core(settings, given, role="test"))
        migrate(made[-1])
        return made[-1]

    yield make
    for app in made:
        with app.app_context():
            db.engine.dispose()


def new_job(type_name: str = "add", params: dict[str, Any] | None = None) -> Job:
    """An admitted job of a new user; needs a context."""
    email = f"user-{time.time_ns()}@example.com"
    user = users.create(email, "a long password", Role.USER, offload=directly)
    return submit(user.id, type_name, {"a": 1, "b": 2} if params is None else params).job


def lost_job() -> UUID:
    """A running job whose lease has run out; needs a context."""
    job = new_job()
    assert claim(job.id, 0, "lost") is not None
    with transaction():
        db.session.get_one(Job, job.id).lease_expires_at = db.func.now() - timedelta(seconds=1)
    return job.id


def state_of(job_id: UUID) -> Job:
    db.session.rollback()
    return db.session.get_one(Job, job_id, populate_existing=True)


def turn(app: Flask) -> None:
    """One turn of a beat that has waited long enough to call leases expired."""
    beat = Beat(app)
    time.sleep(LEASE_SECONDS + 0.05)
    beat.turn()


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
    app = make_app()
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
