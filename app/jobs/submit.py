"""Submit: the row is the promise. Once it is committed, the job is accepted."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from app.artifacts.models import Artifact
from app.errors import Conflict, InvalidInput, TooManyRequests
from app.extensions import db, transaction
from app.jobs import earlier, queries
from app.jobs.admit import admit, dispatch, take_turn
from app.jobs.earlier import Again, Key
from app.jobs.log import ids_of, record
from app.jobs.models import FINAL_STATES, UNFINISHED_STATES, Job
from app.jobs.owner import JobOwner
from app.observability import get_contextvars, get_logger
from app.services import services

log = get_logger(__name__)

FULL_RETRY_SECONDS = 10.0


@dataclass(frozen=True)
class Submitted:
    """What came of a submission: a new job, or one that was there, with its file and why."""

    job: Job
    artifact: Artifact | None = None
    again: Again | None = None


def submit(
    user_id: UUID,
    type_name: str,
    params: dict[str, Any],
    *,
    key: str | None = None,
    follows: UUID | None = None,
) -> Submitted:
    """Accept a job, or find the one that was accepted before.

    Args:
        type_name: name of a job type.
        params: as the client sent them; checked here.
        key: made by the client; with the same type and parameters it gives the same job.
        follows: the job that this one repeats.

    Raises:
        InvalidInput: unknown type, or parameters that break its schema or that the type refuses.
        PermissionDenied: the type refuses this user.
        Conflict: `idempotency_key_reused`, for something else.
        TooManyRequests: `too_many_jobs`, the user has as many unfinished ones as are permitted.
    """
    wanted = _wanted(user_id, type_name, params, follows)
    named = Key.of(key, type_name, params, str(follows)) if key is not None else None
    with transaction():
        take_turn(user_id)
        if found := earlier.find(wanted, named):
            job, why = found
        else:
            _accept(wanted, named)
            admitted = admit(user_id)
    if found:
        return Submitted(*queries.get_job(user_id, job.id), again=why)
    log.info("job submitted", **ids_of(wanted))
    dispatch(admitted)
    return Submitted(wanted)


def repeat(user_id: UUID, job_id: UUID, *, key: str | None = None) -> Submitted:
    """Submit the type and parameters of an ended job of the user again; see `submit`.

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
    return submit(user_id, job.type, job.params, key=key, follows=job.id)


def _wanted(user_id: UUID, type_name: str, params: dict[str, Any], follows: UUID | None) -> Job:
    job_types = services().job_types
    job_type = job_types.get(type_name)
    checked = job_types.validate(job_type, params)
    job_type.check(JobOwner(user_id), checked)
    return Job(
        user_id=user_id,
        type=job_type.name,
        params=checked.model_dump(mode="json"),
        unique_key=earlier.fingerprint(job_type.unique_key(checked)),
        max_attempts=job_type.max_attempts,
        queue=job_type.queue,
        priority=job_type.priority,
        follows=follows,
        request_id=get_contextvars().get("request_id"),
    )


def _accept(job: Job, key: Key | None) -> None:
    _refuse_too_many(job.user_id)
    if key is not None:
        earlier.bind(job, key)
    db.session.add(job)
    db.session.flush()
    record(job, "accepted")


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
