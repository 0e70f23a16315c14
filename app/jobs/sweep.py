"""Sweep: unfinished jobs that were lost in between are found here, from Postgres alone.

Each function works through what it finds in one transaction a job (`admit_waiting`: a user), skipping
rows that somebody else has locked, so two sweeps at once do no harm.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Select,
    and_,
    bindparam,
    false,
    func,
    not_,
    or_,
    select,
)

from app.extensions import db, is_away, transaction
from app.jobs.admit import dispatch, try_to_admit_next
from app.jobs.finish import CANCELLED, OUTCOME_UNKNOWN, Ended, Outcome, announce, end
from app.jobs.log import about
from app.jobs.models import ACTIVE_STATES, UNFINISHED_STATES, Job, JobState
from app.jobs.requeue import try_again
from app.jobs.view import publish_job
from app.observability import get_logger
from app.services import services

log = get_logger(__name__)

BATCH = 500
MAX_REDISPATCH_DOUBLINGS = 4


def rescue_lost(until: Callable[[], datetime]) -> int:
    """Deal with running jobs whose lease ran out: queue them again, or end them.

    Args:
        until: asked before each job; when the database's clock is past this, nothing is done: the
            database may have stood still, and with it those who would have renewed their lease.

    Returns:
        How many were found.
    """
    in_time = func.now() < bindparam("until", callable_=until, type_=DateTime(timezone=True))
    lost = (Job.state == JobState.RUNNING, Job.lease_expires_at < func.now(), in_time)
    return _one_by_one(lost, _rescue)


def redispatch() -> int:
    """Publish queued jobs again that are due and that no worker has claimed for long."""
    return _one_by_one(_overdue(), _redispatch)


def admit_waiting() -> int:
    """Admit what a crash left waiting; returns the number of users looked at."""
    with transaction():
        found = db.session.scalars(_needy().limit(BATCH)).all()
    for user_id in found:
        # Whatever holds up one user must not hold up the others.
        error = try_to_admit_next(user_id)
        if error is not None and is_away(error):
            raise error
    return len(found)


def _needy() -> Select[UUID]:
    """Users who have less than their share, and a waiting job of a type that is not full.

    Whoever cannot be helped is left out: else enough of them would shut out all others.
    """
    active = func.count().filter(Job.state.in_(ACTIVE_STATES))
    waiting = func.count().filter(Job.state == JobState.WAITING, Job.cancel_requested_at.is_(None))
    types = select(
        Job.user_id,
        active.label("active"),
        and_(waiting > 0, not_(_is_full(active))).label("needy"),
        func.min(Job.created_at).label("since"),
    )
    types = types.where(Job.state.in_(UNFINISHED_STATES)).group_by(Job.user_id, Job.type)
    each = types.subquery().c
    share = services().settings.max_active_jobs_per_user
    users = select(each.user_id).group_by(each.user_id)
    users = users.having(func.sum(each.active) < share, func.bool_or(each.needy))
    return users.order_by(func.min(each.since))


def _is_full(active: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether so many active jobs of one user and type are all that the type permits."""
    limits = {each.name: each.max_active_per_user for each in services().job_types}
    full = [
        and_(Job.type == name, active >= limit)
        for name, limit in limits.items()
        if limit is not None
    ]
    return or_(false(), *full)


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
    if job.attempt >= job.max_attempts:
        return Outcome(
            JobState.FAILED,
            code="worker_lost",
            message=f"The worker was lost in each of {job.attempt} attempts.",
            retryable=True,
        )
    return None


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
