"""Submit: the row is the promise. Once it is committed, the job is accepted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from app.artifacts.models import Artifact
from app.errors import Conflict, InvalidInput, TooManyRequests
from app.extensions import db, transaction
from app.job_types.base import Parameters
from app.job_types.json_values import is_long
from app.job_types.registry import AnyJobType
from app.jobs import earlier, queries
from app.jobs.admit import admit, dispatch, take_turn
from app.jobs.earlier import Again, Key
from app.jobs.log import ids_of, record
from app.jobs.models import FINAL_STATES, UNFINISHED_STATES, Job
from app.jobs.owner import JobOwner
from app.observability import get_contextvars, get_logger
from app.services import run_here, services

log = get_logger(__name__)

FULL_RETRY_SECONDS = 10.0


@dataclass(frozen=True)
class Submitted:
    """What came of a submission: a new job, or one that was there, with its file and why."""

    job: Job
    artifact: Artifact | None = None
    again: Again | None = None


@dataclass(frozen=True)
class Accepted:
    """What `accept` came to, still to be committed.

    Attributes:
        job: the new one, or the one that was there.
        again: why there is no new one.
        admitted: to be dispatched after the commit.
    """

    job: Job
    again: Again | None
    admitted: Sequence[Job]


def submit(
    user_id: UUID,
    type_name: str,
    params: dict[str, Any],
    *,
    key: str | None = None,
    follows: UUID | None = None,
    schedule_id: UUID | None = None,
) -> Submitted:
    """Accept a job, or find the one that was accepted before.

    Args:
        type_name: name of a job type.
        params: as the client sent them; checked here.
        key: made by the client; with the same type and parameters it gives the same job, and with the
            same schedule, whatever that asks for by now.
        follows: the job that this one repeats.
        schedule_id: the schedule whose job it is.

    Raises:
        InvalidInput: unknown type, or parameters that break its schema or that the type refuses.
        PermissionDenied: the type refuses this user.
        Conflict: `idempotency_key_reused`, for something else.
        TooManyRequests: `too_many_jobs`, the user has as many unfinished ones as are permitted.
    """
    wanted = prepare(user_id, type_name, params)
    wanted.follows, wanted.schedule_id = follows, schedule_id
    sent = (str(schedule_id),) if schedule_id else (type_name, params, str(follows))
    named = Key.of(key, *sent) if key is not None else None
    with transaction():
        accepted = accept(wanted, named)
    if accepted.again is not None:
        return Submitted(*queries.get_job(user_id, accepted.job.id), again=accepted.again)
    log.info("job submitted", **ids_of(wanted))
    dispatch(accepted.admitted)
    return Submitted(wanted)


def accept(wanted: Job, key: Key | None = None) -> Accepted:
    """Add a job that `prepare` made, in the caller's transaction, unless it is there already.

    Raises:
        Conflict, TooManyRequests: see `submit`. Nothing was written, and the transaction is good.
    """
    take_turn(wanted.user_id)
    if found := earlier.find(wanted, key):
        return Accepted(*found, [])
    _refuse_too_many(wanted.user_id)
    if key is not None:
        earlier.bind(wanted, key)
    db.session.add(wanted)
    db.session.flush()
    record(wanted, "accepted")
    return Accepted(wanted, None, admit(wanted.user_id))


def repeat(
    user_id: UUID, job_id: UUID, params: dict[str, Any] | None = None, *, key: str | None = None
) -> Submitted:
    """Submit the type of an ended job of the user again; see `submit`.

    Args:
        params: in place of the old job's.

    Raises:
        NotFound: the user has no such job.
        Conflict: `job_not_ended`.
        InvalidInput: `unknown_job_type`, its type is there no more.
    """
    job, _ = queries.get_job(user_id, job_id)
    if job.state not in FINAL_STATES:
        raise Conflict(
            f"This job is {job.state}; only one that has ended can be repeated. Cancel it, or wait "
            "for its end.",
            code="job_not_ended",
        )
    if services().job_types.find(job.type) is None:
        raise InvalidInput(
            f"There is no job type {job.type} any more, so this job cannot be repeated.",
            {"type": [f"The server has no job type {job.type} any more."]},
            code="unknown_job_type",
        )
    wanted = job.params if params is None else params
    return submit(user_id, job.type, wanted, key=key, follows=job.id)


def prepare(user_id: UUID, type_name: str, params: dict[str, Any]) -> Job:
    """A job that is checked and still in no database; call it outside of any transaction.

    Raises:
        InvalidInput, PermissionDenied: see `submit`.
    """
    job_type = services().job_types.get(type_name)
    checked = _validated(job_type, params)
    job_type.check(JobOwner(user_id), checked)
    return Job(
        user_id=user_id,
        type=job_type.name,
        params=checked.model_dump(mode="json"),
        unique_key=earlier.fingerprint(job_type.unique_key(checked)),
        max_attempts=job_type.max_attempts,
        queue=job_type.queue,
        priority=job_type.priority,
        request_id=get_contextvars().get("request_id"),
    )


def _validated(job_type: AnyJobType, params: dict[str, Any]) -> Parameters:
    """Where there is an event loop, it goes on while long parameters are looked through."""
    given = services()
    call = given.offload if is_long(params) else run_here
    checked: Parameters = call(given.job_types.validate, job_type, params)
    return checked


def _refuse_too_many(user_id: UUID) -> None:
    most = services().settings.max_unfinished_jobs_per_user
    counting = select(func.count()).select_from(Job)
    counting = counting.where(Job.user_id == user_id, Job.state.in_(UNFINISHED_STATES))
    if (db.session.scalar(counting) or 0) >= most:
        raise TooManyRequests(
            f"You have {most} jobs that have not ended, and no more are accepted. Wait until some "
            "have ended, or cancel some.",
            FULL_RETRY_SECONDS,
            code="too_many_jobs",
        )
