"""Workers and beats without servers: core apps in this process, on databases of their own.

A module imports the fixture that it uses.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from app.accounts import users
from app.accounts.passwords import directly
from app.accounts.permissions import Role
from app.artifacts.local import LocalArtifactStore
from app.extensions import db, transaction
from app.factory import create_core, default_services
from app.jobs.beat import Beat
from app.jobs.claim import claim
from app.jobs.models import Job
from app.jobs.submit import submit
from app.migrate import migrate
from app.standalone.servers import Servers
from tests.support.database import create_database
from tests.support.in_process import make_settings

LEASE_SECONDS = 3.0  # a busy machine may keep a worker from renewing it for a second


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

    def make(store: type[LocalArtifactStore] = LocalArtifactStore, **changes: float) -> Flask:
        settings = make_settings(
            servers,
            create_database(servers),
            lease_seconds=LEASE_SECONDS,
            heartbeat_seconds=0.2,
            progress_seconds=0.1,
            artifact_dir=tmp_path,
            job_type_packages=["app.job_types", "tests.support.job_types"],
            **changes,
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


def lost_job(type_name: str = "add", params: dict[str, Any] | None = None) -> UUID:
    """A running job whose lease has run out; needs a context."""
    job = new_job(type_name, params)
    assert claim(job.id, 0, "lost") is not None
    with transaction():
        db.session.get_one(Job, job.id).lease_expires_at = db.func.now() - timedelta(seconds=1)
    return job.id


def state_of(job_id: UUID) -> Job:
    db.session.rollback()
    return db.session.get_one(Job, job_id, populate_existing=True)


def turn(app: Flask) -> None:
    """One turn of all that a beat does, which has waited long enough to call leases expired."""
    beat = Beat(app)
    time.sleep(LEASE_SECONDS + 0.05)
    beat.tidy()
    beat.look()
    beat.turn()
