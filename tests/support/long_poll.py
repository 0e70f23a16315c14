"""Requests that wait for a job (`?wait=`), each on a thread of its own."""

from concurrent.futures import Future, ThreadPoolExecutor

from apiflask import APIFlask
from werkzeug.test import TestResponse

from app.extensions import POOL_OVERFLOW, POOL_SIZE
from app.jobs.models import Job
from app.operations.draining import draining
from app.operations.metrics import metrics
from tests.support.in_process import Caller
from tests.support.quiet import next_turn, succeed
from tests.support.waiting import wait_for

# Long against any answer that comes because of news, also on a busy machine.
LONG = 60
AT_ONCE = 20.0
CROWD = POOL_SIZE + POOL_OVERFLOW + 10
Answers = Future[TestResponse]


class Waiters:
    """Requests that wait.

    Args:
        app: whom they ask.
    """

    def __init__(self, app: APIFlask) -> None:
        self._app, self._pool = app, ThreadPoolExecutor(CROWD + 5)

    def __enter__(self) -> "Waiters":
        return self

    def __exit__(self, *_: object) -> None:
        draining(self._app).tell()
        draining(self._app).leave()  # what a failed test has left to wait
        self._pool.shutdown()

    def ask(self, who: Caller, job_id: str, known: str = "") -> Answers:
        """Begin to wait, and come back once the server knows of it."""
        before = waiting(self._app)
        asked = self._pool.submit(ask, self._app, who, job_id, LONG, known)
        wait_for(lambda: waiting(self._app) > before or asked.done(), "a request that waits")
        return asked


def ask(app: APIFlask, who: Caller, job_id: str, wait: int, known: str = "") -> TestResponse:
    """Wait `wait` seconds at most, knowing the ETag `known`."""
    headers = {"Authorization": f"Bearer {who.tokens['access_token']}"}
    headers |= {"If-None-Match": known} if known else {}
    return app.test_client().get(f"/v1/jobs/{job_id}?wait={wait}", headers=headers)


def waiting(app: APIFlask) -> float:
    """How many requests wait, as `/metrics` has it."""
    found = metrics(app).registry.get_sample_value("ringback_http_waiting_requests")
    assert found is not None
    return found


def etag_of(who: Caller, job_id: str) -> str:
    """Of the job as it is."""
    return who.call("GET", f"/v1/jobs/{job_id}").headers["ETag"]


def claimed(app: APIFlask, job_id: str) -> Job:
    """Let this queued job run."""
    with app.app_context():
        job = next_turn(job_id)
    assert job is not None
    return job


def end(app: APIFlask, job_id: str) -> None:
    """Let this queued job run and succeed."""
    job = claimed(app, job_id)
    with app.app_context():
        succeed(job)


def in_time(asked: Answers) -> TestResponse:
    """The answer, which must come long before the time is over."""
    return asked.result(AT_ONCE)
