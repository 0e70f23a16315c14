"""Jobs without a worker: they go from state to state at the word of a test."""

from collections.abc import Iterator
from uuid import UUID

import pytest
from apiflask import APIFlask

from app.config import Settings
from app.factory import create_app
from app.jobs.finish import Outcome, finish
from app.jobs.models import JobState
from tests.support.database import query
from tests.support.in_process import (  # noqa: F401  # fixtures
    Accounts,
    Caller,
    close,
    other_app,
    settings,
)
from tests.support.quiet import make_app, own_settings  # noqa: F401

TYPES = ("app.job_types", "tests.support.job_types")
CLAIM = """
UPDATE jobs SET state = 'running', fence = fence + 1, version = version + 1, worker = 'nobody',
  started_at = now(), lease_expires_at = now() + interval '1 hour'
WHERE id = %s AND state = 'queued' RETURNING fence
"""


class Jobs:
    """Does to jobs what workers would.

    Args:
        app: of their database.
    """

    def __init__(self, app: APIFlask, settings: Settings) -> None:  # noqa: F811
        self.app, self._settings = app, settings

    def sql(self, text: str, *values: object) -> list[tuple[object, ...]]:
        return query(self._settings.database_url.get_secret_value(), text, *values)

    def start(self, job_id: str) -> int:
        """Let this queued job run; returns the fence."""
        ((fence,),) = self.sql(CLAIM, job_id)
        assert isinstance(fence, int)
        return fence

    def finish(self, job_id: str, fence: int, outcome: Outcome) -> bool:
        with self.app.app_context():
            return finish(UUID(job_id), fence, outcome)

    def end(self, job_id: str, state: str = "succeeded") -> None:
        """Let this queued job run and end."""
        code = None if state == "succeeded" else "some_code"
        outcome = Outcome(JobState(state), code=code, message=code)
        assert self.finish(job_id, self.start(job_id), outcome)

    def fail_for_now(self, job_id: str) -> None:
        """Let this queued job run, and fail so that it is tried again."""
        outcome = Outcome(JobState.FAILED, code="too_early", message="Not yet.", retryable=True)
        assert self.finish(job_id, self.start(job_id), outcome)


@pytest.fixture(scope="module")
def quiet_apps(settings: Settings) -> Iterator[list[APIFlask]]:  # noqa: F811
    """Two servers on one database, with the types of tests; nobody runs the jobs."""
    changed = settings.model_copy(update={"job_type_packages": TYPES})
    apps = [create_app(changed) for _ in range(2)]
    yield apps
    for app in apps:
        close(app)


@pytest.fixture
def jobs(quiet_apps: list[APIFlask], settings: Settings) -> Jobs:  # noqa: F811
    return Jobs(quiet_apps[0], settings)


@pytest.fixture
def owner(quiet_apps: list[APIFlask]) -> Caller:
    """A user of this test alone, whose jobs nobody runs."""
    return Accounts(quiet_apps[0]).caller()


@pytest.fixture
def stranger(quiet_apps: list[APIFlask]) -> Caller:
    """Another user."""
    return Accounts(quiet_apps[0]).caller()


@pytest.fixture
def elsewhere(quiet_apps: list[APIFlask], owner: Caller) -> Caller:
    """The owner at the other server."""
    return Accounts(quiet_apps[1]).again(owner.email)
