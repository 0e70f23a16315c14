"""Servers in this process on a database of their own, where the test itself is the only worker.

A module or `conftest.py` imports the fixtures that it uses.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from apiflask import APIFlask

from app.config import Settings
from app.extensions import db
from app.factory import create_app, create_core, default_services
from app.jobs.claim import claim
from app.jobs.finish import Outcome, finish
from app.jobs.models import Job, JobState
from app.migrate import migrate
from app.services import services
from app.standalone.servers import Servers
from tests.support.database import create_database, query
from tests.support.in_process import Accounts, Caller, close, make_settings

MakeApp = Callable[..., APIFlask]


class Undispatched:
    """A broker that nobody listens to."""

    def dispatch(self, job_id: UUID, fence: int, *, queue: str) -> None:
        """The test claims jobs itself."""


@pytest.fixture(scope="module")
def own_settings(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """On a migrated database for one module."""
    settings = make_settings(
        servers,
        create_database(servers),
        artifact_dir=tmp_path_factory.mktemp("artifacts"),
        job_type_packages=["app.job_types", "tests.support.job_types"],
    )
    core = create_core(settings, role="migrate")
    migrate(core)
    with core.app_context():
        db.engine.dispose()
    return settings


@pytest.fixture
def make_app(own_settings: Settings) -> Iterator[MakeApp]:
    """Makes a server with other settings; no job of another test is left in its database."""
    made: list[APIFlask] = []

    def make(**changes: Any) -> APIFlask:
        settings = own_settings.model_copy(update=changes)
        given = replace(default_services(settings), dispatcher=Undispatched())
        made.append(create_app(settings, given))
        return made[-1]

    query(own_settings.database_url.get_secret_value(), "DELETE FROM users")
    yield make
    for app in made:
        close(app)


def new_user(app: APIFlask) -> Caller:
    """A user whom nobody else knows, signed in."""
    return Accounts(app).caller()


def submit(user: Caller, type_name: str = "middling", **params: Any) -> str:
    """Submit a job; its id."""
    body = {"type": type_name, "params": params}
    return str(user.ok("POST", "/v1/jobs", json=body)["id"])


def next_turn(named: str) -> Job | None:
    """Claim as a worker does whose message names this job; needs a context."""
    return claim(UUID(named), 0, "the test")


def succeed(job: Job, file: bytes | None = None) -> None:
    """End a claimed job, with a file of this content if one is given; needs a context."""
    stored = None
    if file is not None:
        with services().store.write(job.id, job.fence, "result.txt", "text/plain") as writing:
            writing.file.write(file)
        stored = writing.stored
    assert finish(job.id, job.fence, Outcome(JobState.SUCCEEDED, result={}, artifact=stored))
