"""Run: one job from its claim to its end, inside a worker."""

import time
import traceback
from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from flask import Flask
from sqlalchemy.exc import InterfaceError, OperationalError

from app.errors import AppError, JobCancelled, JobFailed, LeaseLost, WorkerStopping
from app.extensions import is_away
from app.job_types.base import JobType
from app.job_types.registry import AnyJobType
from app.jobs import child
from app.jobs.claim import claim
from app.jobs.context import RunContext
from app.jobs.finish import CANCELLED, Outcome, finish, hand_back, timed_out
from app.jobs.lease import Lease
from app.jobs.log import ids_of
from app.jobs.models import Job, JobState
from app.jobs.stopping import stopping
from app.jobs.storable import storable_json
from app.jobs.time_limits import TimeLimits
from app.jobs.view import publish_job
from app.observability import bind_contextvars, clear_contextvars, get_logger
from app.services import services

log = get_logger(__name__)
T = TypeVar("T")

FINISH_RETRY_SECONDS = 0.5
DATABASE_RETRY_SECONDS = 1.0
TOO_MUCH_MEMORY = (
    "It needed more than the {:,} bytes of memory that a job may use (RINGBACK_MAX_JOB_MEMORY_BYTES). "
    "Ask for less in one job."
)


def run_job(app: Flask, job_id: UUID, fence: int, worker: str) -> None:
    """Claim the job that a message names, run it, end it. To be called in an app context."""
    clear_contextvars()
    bind_contextvars(job_id=str(job_id))
    job, before = _patiently(lambda: _claim(job_id, fence, worker))
    if job is None:
        log.info("nothing to claim", fence=fence)
        return
    bind_contextvars(**ids_of(job))
    log.info("job claimed", fence=job.fence)
    publish_job(job)
    job_type = services().job_types.find(job.type) or JobType
    lease_seconds = services().settings.lease_seconds
    limits = TimeLimits(job_type.soft_seconds, job_type.hard_seconds, before, lease_seconds)
    with Lease(app, job, before, limits) as lease:
        _run_claimed(job, lease, RunContext(job, lease, limits), limits)


def _claim(job_id: UUID, fence: int, worker: str) -> tuple[Job | None, float]:
    before = time.monotonic()
    return claim(job_id, fence, worker), before


def _run_claimed(job: Job, lease: Lease, context: RunContext, limits: TimeLimits) -> None:
    try:
        outcome = _execute(job, lease, context, limits)
    except LeaseLost as error:
        context.discard()
        log.warning("job abandoned", reason=error.message)
        _let_go(job, lease)
    except WorkerStopping as error:
        _hand_back(job, lease, context, error.message)
    else:
        _end(job, lease, context, outcome)


def _end(job: Job, lease: Lease, context: RunContext, outcome: Outcome) -> None:
    lease.stop()
    ended = _until_told(lease, lambda: finish(job.id, job.fence, outcome))
    if ended is None:
        # It may have ended: the file must stay. The sweep removes it if no job refers to it.
        log.warning("job left to the sweep", reason="the database did not say whether it ended")
        return
    if not ended or outcome.artifact is None:
        context.discard()
    if not ended:
        log.warning("job abandoned", reason="it is no longer this worker's")
    elif outcome.retryable and job.attempt < job.max_attempts:
        log.warning("job failed for now", code=outcome.code, reason=outcome.message)
    else:
        log.info("job ended", state=outcome.state, code=outcome.code)


def _hand_back(job: Job, lease: Lease, context: RunContext, reason: str) -> None:
    lease.stop()
    context.discard()
    if _until_told(lease, lambda: hand_back(job.id, job.fence, reason)):
        log.info("job handed back", reason=reason)
    else:
        log.warning("job left to the sweep", reason="it could not be handed back")


def _let_go(job: Job, lease: Lease) -> None:
    """Queue the job at once if it is nobody else's: the database may have been away for all."""
    lease.stop()
    try:
        if _patiently(lambda: hand_back(job.id, job.fence, "The lease could not be renewed.")):
            log.info("job handed back", reason="the lease could not be renewed")
    except (OperationalError, InterfaceError) as error:
        log.warning("job left to the sweep", reason=str(error.orig))


def _execute(job: Job, lease: Lease, context: RunContext, limits: TimeLimits) -> Outcome:
    """Run the type's code; every exception of its own becomes an outcome.

    Raises:
        LeaseLost, WorkerStopping: the work was stopped, and this worker does not end the job.
    """
    failure: BaseException | None = None
    result: dict[str, Any] = {}
    try:
        with limits:
            result = _work(job, context)
    except BaseException as error:  # noqa: BLE001  # also what would end the process: sys.exit
        failure = _emptied(error)
    limits.disarm()  # an interruption at its very begin or end comes in between
    stopped_by = lease.interruption or limits.interruption
    context.close(interrupted=stopped_by is not None)
    if failure is None:
        return Outcome(JobState.SUCCEEDED, result=result, artifact=context.stored)
    if stopped_by is not None:  # whatever the work has made of it
        return _stopped(stopped_by, lease, limits)
    return _outcome_of(failure, services().job_types.find(job.type))


def _work(job: Job, context: RunContext) -> dict[str, Any]:
    job_types = services().job_types
    job_type = job_types.get(job.type)
    parameters = job_types.validate(job_type, job.params)
    status = 1
    try:
        result = job_type.run(context, parameters)
        status = 0
    finally:
        context.end_copy(status)
    storable: dict[str, Any] = storable_json(result)
    return storable


def _emptied(error: BaseException) -> BaseException:
    """The exception without what its frames hold: there may be no memory left to go on with."""
    if isinstance(error, SystemExit) and child.is_told_to_exit():
        raise error
    seen: BaseException | None = error
    while seen is not None:
        traceback.clear_frames(seen.__traceback__)
        seen = seen.__context__
    return error


def _stopped(reason: AppError, lease: Lease, limits: TimeLimits) -> Outcome:
    if isinstance(reason, LeaseLost | WorkerStopping):
        raise reason
    if isinstance(reason, JobCancelled) or lease.cancelled:
        return CANCELLED
    return timed_out(limits.soft)


def _outcome_of(error: BaseException, job_type: AnyJobType | None) -> Outcome:
    """How a job ends whose work raised this."""
    passes = isinstance(error, job_type.retry_on if job_type else ())
    if isinstance(error, MemoryError):
        most = services().settings.max_job_memory_bytes
        log.warning("job needed too much memory", reason=f"more than {most} bytes")
        return _failed("memory_limit_exceeded", TOO_MUCH_MEMORY.format(most), passes)
    if isinstance(error, JobCancelled):
        return CANCELLED
    if isinstance(error, AppError):
        # What failed around the work (the database, the store) says nothing of what it had done.
        again = isinstance(error, JobFailed) or (job_type is not None and job_type.repeatable)
        return _failed(error.code, error.message, passes or (error.retryable and again))
    if not passes:
        log.error("job raised", exc_info=error)
    return _failed("job_raised", _describe(error), passes)


def _failed(code: str, message: str, retryable: bool) -> Outcome:
    return Outcome(JobState.FAILED, code=code, message=message, retryable=retryable)


def _describe(error: BaseException) -> str:
    """One line about an unexpected exception; the stack is in the log only."""
    try:
        lines = str(error).splitlines()
    except BaseException:  # noqa: BLE001
        lines = []  # an exception that cannot be printed still has a class
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def _until_told(lease: Lease, ask: Callable[[], bool]) -> bool | None:
    """Ask, and try again while the database is away and the lease is held.

    Once in any case: whether the job is still this worker's, the database knows best.

    Returns:
        The answer; None if the database never gave one.
    """
    while True:
        try:
            return ask()
        except (OperationalError, InterfaceError) as error:
            log.warning("finish failed, trying again", reason=str(error.orig))
            if not lease.held():
                return None
            time.sleep(FINISH_RETRY_SECONDS)


def _patiently(ask: Callable[[], T]) -> T:
    """Ask when the database is back, if it is away: without it, there is nothing else to do.

    Raises:
        OperationalError, InterfaceError: another error, or the worker has to stop.
    """
    while True:
        try:
            return ask()
        except (OperationalError, InterfaceError) as error:
            if stopping.begun or not is_away(error):
                raise
            log.warning("database away, trying again", reason=str(error.orig))
            time.sleep(DATABASE_RETRY_SECONDS)
