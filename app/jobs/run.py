"""Run: one job from its claim to its end, inside a worker."""

import time
import traceback
from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from flask import Flask
from sqlalchemy.exc import InterfaceError, OperationalError

from app.delivery.mail import without_mailboxes
from app.errors import AppError, JobCancelled, JobFailed, LeaseLost, WorkerStopping
from app.extensions import db
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
from app.jobs.storable import storable, storable_json
from app.jobs.time_limits import TimeLimits
from app.jobs.view import publish_job
from app.observability import bind_contextvars, clear_contextvars, get_logger
from app.services import services

log = get_logger(__name__)
T = TypeVar("T")

RETRY_SECONDS = 0.5
# How long a worker that has to stop goes on asking a database that is away. Its processes are killed
# soon after (`tasks.LAST_RESORT_SECONDS`).
LAST_WORD_SECONDS = 4.0
MAX_CODE = 100
TOO_MUCH_MEMORY = (
    "It needed more than the {:,} bytes of memory that a job may use (RINGBACK_MAX_JOB_MEMORY_BYTES). "
    "Ask for less in one job."
)
NOT_STORED = Outcome(
    JobState.FAILED,
    code="internal_error",
    message="Its end could not be stored as it was. The log of the worker tells why.",
)


def run_job(app: Flask, job_id: UUID, fence: int, worker: str) -> None:
    """Claim the job that a message names, run it, end it. To be called in an app context."""
    clear_contextvars()
    bind_contextvars(job_id=str(job_id))
    job, before = _until_told(lambda: _claim(job_id, fence, worker), lambda: stopping.begun)
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
    job = claim(job_id, fence, worker)
    if job is not None:
        # It stays as it was claimed. In the session, a rollback would have it read again, and its
        # fence might be another worker's by then.
        db.session.expunge(job)
    return job, before


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
    try:
        ended = _until_told(lambda: finish(job.id, job.fence, outcome))
    except (OperationalError, InterfaceError) as error:
        # It may have ended: the file must stay. The sweep removes it if no job refers to it.
        log.warning("job left to the sweep", reason=str(error.orig))
    except Exception as error:  # noqa: BLE001  # whatever it is, it would be the same next time
        _end_without(job, context, error)
    else:
        _tidy(job, context, outcome, ended=ended)


def _end_without(job: Job, context: RunContext, error: Exception) -> None:
    """End a job whose outcome cannot be stored."""
    log.error("end of job not stored as it was", exc_info=error)
    if _until_told(lambda: finish(job.id, job.fence, NOT_STORED)):
        _tidy(job, context, NOT_STORED, ended=True)
    else:  # what failed came after the end was stored, or the job is another's: the file must stay
        log.warning("job left to the sweep", reason="it had ended, or is no longer this worker's")


def _tidy(job: Job, context: RunContext, outcome: Outcome, *, ended: bool) -> None:
    """Keep no file that the end does not name, and log what became of the job."""
    if not ended or outcome.artifact is None:
        context.discard()
    if not ended:
        log.warning("job abandoned", reason="it is no longer this worker's")
    elif outcome.retryable and job.attempt < job.max_attempts:
        reason = without_mailboxes(outcome.message or "")
        log.warning("job failed for now", code=outcome.code, reason=reason)
    else:
        log.info("job ended", state=outcome.state, code=outcome.code)


def _hand_back(job: Job, lease: Lease, context: RunContext, reason: str) -> None:
    lease.stop()
    context.discard()
    _give_back(job, reason)


def _let_go(job: Job, lease: Lease) -> None:
    """Queue the job at once if it is nobody else's: the database may have been away for all.

    If not, the work itself has kept its lease from being renewed, and would the next time: then the
    sweep takes the job for lost, which uses up an attempt.
    """
    lease.stop()
    if lease.cut_off:
        _give_back(job, "The lease could not be renewed.")


def _give_back(job: Job, reason: str) -> None:
    try:
        if _until_told(lambda: hand_back(job.id, job.fence, reason)):
            log.info("job handed back", reason=reason)
    except (OperationalError, InterfaceError) as error:
        log.warning("job left to the sweep", reason=str(error.orig))


def _execute(job: Job, lease: Lease, context: RunContext, limits: TimeLimits) -> Outcome:
    """Run the type's code; every exception of its own becomes an outcome.

    Raises:
        LeaseLost, WorkerStopping: the work was stopped, and this worker does not end the job.
    """
    failure: BaseException | None = None
    result: dict[str, Any] = {}
    child.memory_limit.impose()
    try:
        with limits:
            result = _work(job, context)
    except BaseException as error:  # noqa: BLE001  # also what would end the process: sys.exit
        child.memory_limit.lift()  # before anything else: there may be none left
        failure = _emptied(error)
    child.memory_limit.lift()
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
    emptied: set[int] = set()
    each: BaseException | None = error
    while each is not None and id(each) not in emptied:  # work can link them to a circle
        traceback.clear_frames(each.__traceback__)
        emptied.add(id(each))
        each = each.__context__
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
    code = storable(str(code), MAX_CODE)  # the work says it, in whatever letters
    return Outcome(JobState.FAILED, code=code, message=message, retryable=retryable)


def _describe(error: BaseException) -> str:
    """One line about an unexpected exception; the stack is in the log only."""
    try:
        lines = str(error).splitlines()
    except BaseException:  # noqa: BLE001
        lines = []  # an exception that cannot be printed still has a class
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def _until_told(ask: Callable[[], T], has_to_stop: Callable[[], bool] | None = None) -> T:
    """Ask until the database answers: without it there is nothing else to do.

    Whatever is asked is fenced, so it does no harm to ask late or twice.

    Args:
        has_to_stop: whether to ask no more; by default, shortly before this process is ended.

    Raises:
        OperationalError, InterfaceError: there was no answer before that.
    """
    stop = has_to_stop or (lambda: stopping.overdue(LAST_WORD_SECONDS))
    while True:
        try:
            return ask()
        except (OperationalError, InterfaceError) as error:
            if stop():
                raise
            log.warning("database away, trying again", reason=str(error.orig))
            time.sleep(RETRY_SECONDS)
