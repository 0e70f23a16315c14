"""Sweep: whatever was lost in between is found here, from Postgres alone.

Each function works through what it finds in one transaction a job, skipping rows that somebody else
has locked, so two sweeps at once do no harm.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, delete, func, or_, select, update
from sqlalchemy.exc import OperationalError

from app.artifacts.models import Artifact
from app.extensions import db, is_away, transaction
from app.jobs.admit import admit_next, dispatch
from app.jobs.finish import CANCELLED, OUTCOME_UNKNOWN, Ended, Outcome, announce, end, timed_out
from app.jobs.log import about
from app.jobs.models import ACTIVE_STATES, UNFINISHED_STATES, Job, JobState
from app.jobs.requeue import try_again
from app.jobs.view import publish_job
from app.notifications import inbox
from app.observability import get_logger
from app.services import services

log = get_logger(__name__)

BATCH = 500
UNDELETABLE_PAUSE = timedelta(hours=1)
MAX_REDISPATCH_DOUBLINGS = 4


def database_time() -> datetime:
    """What the database's clock says."""
    with transaction():
        return db.session.execute(select(func.now())).scalar_one()


def rescue_lost(until: datetime) -> int:
    """Deal with running jobs whose lease ran out: queue them again, or end them.

    Args:
        until: when the database's clock is past this, nothing is done: the database may have
            stood still, and with it those who would have renewed their lease.

    Returns:
        How many were found.
    """
    lost = (Job.state == JobState.RUNNING, Job.lease_expires_at < func.now(), func.now() < until)
    return _one_by_one(lost, _rescue)


def redispatch() -> int:
    """Publish queued jobs again that are due and that no worker has claimed for long."""
    return _one_by_one(_overdue(), _redispatch)


def admit_waiting() -> int:
    """Admit what a crash left waiting; returns the number of users looked at."""
    active = func.count().filter(Job.state.in_(ACTIVE_STATES))
    waiting = func.count().filter(Job.state == JobState.WAITING)
    limit = services().settings.max_active_jobs_per_user
    unfinished = Job.state.in_(UNFINISHED_STATES)
    users = select(Job.user_id).where(unfinished).group_by(Job.user_id)
    with transaction():
        needy = (
            users.having(waiting > 0, active < limit)
            .order_by(func.min(Job.created_at))
            .limit(BATCH)
        )
        found = db.session.scalars(needy).all()
    for user_id in found:
        _admit_next(user_id)
    return len(found)


def _admit_next(user_id: UUID) -> None:
    """Admit; whatever holds up one user must not hold up the others."""
    try:
        admit_next(user_id)
    except OperationalError as error:
        if is_away(error):
            raise
        log.warning("not admitted, the next turn tries again", reason=str(error.orig))


def expire_artifacts() -> int:
    """Delete the files that were kept long enough."""
    due = select(Artifact).where(
        Artifact.expires_at < func.now(),
        Artifact.deleted_at.is_(None),
        or_(Artifact.retry_at.is_(None), Artifact.retry_at < func.now()),
    )
    with transaction():
        found = db.session.scalars(due.limit(BATCH).with_for_update(skip_locked=True)).all()
        for artifact in found:
            if _delete(artifact.storage_key):
                artifact.deleted_at = func.now()
            else:
                artifact.retry_at = func.now() + UNDELETABLE_PAUSE
    return len(found)


def expire_notifications() -> int:
    """Empty the notifications that were kept long enough."""
    with transaction():
        keep = timedelta(days=services().settings.notification_days)
        inbox.forget_acknowledgements(keep, BATCH)
        return inbox.erase_expired(BATCH)


def expire_jobs() -> int:
    """Delete jobs that ended long ago, with their logs; a job stays as long as its file."""
    keep = timedelta(days=services().settings.job_days)
    file = select(Artifact.id).where(Artifact.job_id == Job.id, Artifact.deleted_at.is_(None))
    old = select(Job.id).where(Job.finished_at < func.now() - keep, ~file.exists())
    old = old.order_by(Job.finished_at).limit(BATCH).with_for_update(skip_locked=True)
    deleting = delete(Job).where(Job.id.in_(old)).returning(Job.id)
    with transaction():
        return len(db.session.scalars(deleting).all())


def expire_keys() -> int:
    """Let idempotency keys stand for nothing once their time is over."""
    over = select(Job.id).where(
        Job.idempotency_key.is_not(None), Job.idempotency_expires_at < func.now()
    )
    over = over.limit(BATCH).with_for_update(skip_locked=True)
    freeing = update(Job).where(Job.id.in_(over)).returning(Job.id)
    nothing = freeing.values(
        idempotency_key=None, idempotency_hash=None, idempotency_expires_at=None
    )
    with transaction():
        return len(db.session.scalars(nothing).all())


def remove_orphans() -> int:
    """Delete old files that no job refers to: of workers that died between file and commit."""
    removed = 0
    age = timedelta(seconds=services().settings.orphan_seconds)
    stale = services().store.stale_keys(age)
    while keys := list(islice(stale, BATCH)):
        with transaction():
            needed = _needed(keys)
        removed += sum(_delete(key) for key in set(keys) - needed)
    return removed


def _delete(key: str) -> bool:
    """Delete a file; one that cannot be deleted is logged and must not hold up the others."""
    try:
        services().store.delete(key)
    except OSError as error:
        log.warning("file not deleted", key=key, reason=str(error))
        return False
    return True


def _needed(keys: list[str]) -> set[str]:
    """Those of the keys that an artifact has, or that a running job may still be writing."""
    claim = func.concat(Job.id, "/", Job.fence)
    running = select(claim).where(Job.state == JobState.RUNNING)
    # In this order: a job that ends in between is seen by the one or by the other.
    writing = set(db.session.scalars(running))
    kept = select(Artifact.storage_key).where(
        Artifact.storage_key.in_(keys), Artifact.deleted_at.is_(None)
    )
    return set(db.session.scalars(kept)) | {
        key for key in keys if key.rpartition("/")[0] in writing
    }


def _one_by_one(
    condition: tuple[ColumnElement[bool], ...], act: Callable[[Job], Callable[[], Any]]
) -> int:
    """Lock and act on each matching job in a transaction of its own.

    Args:
        act: changes the job, and returns what is to be done after the commit.
    """
    failed: set[UUID] = set()
    for count in range(BATCH):
        job_id = None
        try:
            with transaction():
                job = db.session.scalar(_first(*condition, Job.id.not_in(failed)))
                if job is None:
                    return count
                job_id = job.id
                with about(job):
                    afterwards = act(job)
            with about(job):
                afterwards()
        except Exception as error:
            if job_id is None or is_away(error):
                raise
            # The jobs behind this one must not wait for it.
            failed.add(job_id)
            log.exception("job not swept, the next turn tries again", job_id=str(job_id))
    return BATCH


def _first(*condition: ColumnElement[bool]) -> Select[Job]:
    first = select(Job).where(*condition).order_by(Job.priority, Job.id).limit(1)
    locked = first.with_for_update(skip_locked=True)
    return locked.execution_options(populate_existing=True)


def _rescue(job: Job) -> Callable[[], Any]:
    log.warning("lease ran out", worker=job.worker)
    if job.cancel_requested_at is not None:
        return _ending(end(job, CANCELLED))
    failure = _why_not_again(job)
    if failure is not None:
        return _ending(end(job, failure))
    try_again(job, "requeued", "The worker was lost.")
    return lambda: publish_job(job)


def _why_not_again(job: Job) -> Outcome | None:
    job_type = services().job_types.find(job.type)
    if job_type is not None and not job_type.repeatable:
        return OUTCOME_UNKNOWN
    if job_type is not None and _took_too_long(job, job_type.hard_seconds):
        return timed_out(job_type.hard_seconds)
    if job.attempt >= job.max_attempts:
        return Outcome(
            JobState.FAILED,
            code="worker_lost",
            message=f"The worker was lost in each of {job.attempt} attempts.",
            retryable=True,
        )
    return None


def _took_too_long(job: Job, hard_seconds: float) -> bool:
    """Whether its worker kept it until its time was over; how long nobody noticed does not count."""
    assert job.started_at is not None
    assert job.lease_expires_at is not None
    return job.lease_expires_at >= job.started_at + timedelta(seconds=hard_seconds)


def _overdue() -> tuple[ColumnElement[bool], ...]:
    doublings = func.least(func.greatest(Job.dispatches - 1, 0), MAX_REDISPATCH_DOUBLINGS)
    pause = timedelta(seconds=services().settings.redispatch_seconds)
    return (
        Job.state == JobState.QUEUED,
        or_(Job.run_after.is_(None), Job.run_after <= func.now()),
        or_(
            Job.dispatched_at.is_(None),
            Job.dispatched_at + pause * func.power(2, doublings) < func.now(),
        ),
    )


def _redispatch(job: Job) -> Callable[[], Any]:
    job.dispatched_at = func.now()
    job.dispatches += 1
    return lambda: dispatch([job])


def _ending(ended: Ended) -> Callable[[], Any]:
    return lambda: announce(ended)
