"""Run: one job from its claim to its end, inside a worker."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, BinaryIO
from uuid import UUID

from flask import Flask
from sqlalchemy.exc import InterfaceError, OperationalError

from app.artifacts.store import StoredFile
from app.errors import AppError, JobCancelled, LeaseLost
from app.extensions import db
from app.jobs.claim import claim
from app.jobs.finish import Outcome, finish
from app.jobs.lease import Lease
from app.jobs.log import ids_of
from app.jobs.models import Job, JobState
from app.jobs.reading import OwnRows
from app.jobs.storable import storable_json
from app.jobs.view import publish_job
from app.observability import bind_contextvars, clear_contextvars, get_logger
from app.services import services

log = get_logger(__name__)

FINISH_RETRY_SECONDS = 0.5


def run_job(app: Flask, job_id: UUID, fence: int, worker: str) -> None:
    """Claim the job that a message names, run it, end it. To be called in an app context."""
    clear_contextvars()
    bind_contextvars(job_id=str(job_id))
    before = time.monotonic()
    job = claim(job_id, fence, worker)
    if job is None:
        log.info("nothing to claim", fence=fence)
        return
    bind_contextvars(**ids_of(job))
    log.info("job claimed", fence=job.fence)
    publish_job(job)
    with Lease(app, job, before) as lease:
        _run_claimed(job, lease)


def _run_claimed(job: Job, lease: Lease) -> None:
    context = RunContext(job, lease)
    try:
        outcome = _execute(job, context)
    except LeaseLost as error:
        context.discard()
        log.warning("job abandoned", reason=error.message)
        return
    lease.stop()
    ended = _finish(job, lease, outcome)
    if ended is None:
        # It may have ended: the file must stay. The sweep removes it if no job refers to it.
        log.warning("job left to the sweep", reason="the database did not say whether it ended")
        return
    if not ended or outcome.artifact is None:
        context.discard()
    if ended:
        log.info("job ended", state=outcome.state, code=outcome.code)
    else:
        log.warning("job abandoned", reason="it is no longer this worker's")


class RunContext:
    """See `app.job_types.base.JobContext`."""

    def __init__(self, job: Job, lease: Lease) -> None:
        self._job, self._lease = job, lease
        self._own_rows = OwnRows(db.engine, job.user_id)
        self.stored: StoredFile | None = None

    @property
    def job_id(self) -> UUID:
        """See `JobContext.job_id`."""
        return self._job.id

    @property
    def attempt(self) -> int:
        """See `JobContext.attempt`."""
        return self._job.attempt

    def progress(self, fraction: float, message: str = "") -> None:
        """See `JobContext.progress`."""
        self._lease.note(fraction, message)

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Iterator[Any]:
        """See `JobContext.rows`."""
        return self._own_rows.read(sql, parameters)

    @contextmanager
    def artifact(self, name: str, media_type: str) -> Iterator[BinaryIO]:
        """See `JobContext.artifact`."""
        if self.stored is not None:
            raise RuntimeError("A job has one result file; this one wrote a second.")
        store = services().store
        with store.write(self._job.id, self._job.fence, name, media_type) as writing:
            yield writing.file
        self.stored = writing.stored

    def close(self) -> None:
        """The work is over: read no more."""
        self._own_rows.close()

    def discard(self) -> None:
        """Remove the file of work that did not succeed; a failure is left to the sweep."""
        if self.stored is None:
            return
        try:
            services().store.delete(self.stored.key)
        except OSError as error:
            log.warning("file not removed, left to the sweep", reason=str(error))
        self.stored = None


def _execute(job: Job, context: RunContext) -> Outcome:
    """Run the type's code; every exception of its own becomes an outcome."""
    try:
        job_types = services().job_types
        job_type = job_types.get(job.type)
        result = storable_json(job_type.run(context, job_types.validate(job_type, job.params)))
        return Outcome(JobState.SUCCEEDED, result=result, artifact=context.stored)
    except LeaseLost:
        raise
    except JobCancelled as error:
        return Outcome(JobState.CANCELLED, code=error.code, message=error.message)
    except AppError as error:
        return _failed(error.code, error.message, error.retryable)
    except Exception as error:
        log.exception("job raised")
        return _failed("job_raised", _describe(error), False)
    finally:
        context.close()


def _failed(code: str, message: str, retryable: bool) -> Outcome:
    return Outcome(JobState.FAILED, code=code, message=message, retryable=retryable)


def _describe(error: Exception) -> str:
    """One line about an unexpected exception; the stack is in the log only."""
    try:
        lines = str(error).splitlines()
    except Exception:  # noqa: BLE001
        lines = []  # an exception that cannot be printed still has a class
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def _finish(job: Job, lease: Lease, outcome: Outcome) -> bool | None:
    """Finish, and try again while the database is away and the lease is held.

    Returns:
        What `finish` says; None if the database never said.
    """
    while lease.held():
        try:
            return finish(job.id, job.fence, outcome)
        except (OperationalError, InterfaceError) as error:
            log.warning("finish failed, trying again", reason=str(error.orig))
            time.sleep(FINISH_RETRY_SECONDS)
    return None
