"""Claim: exactly one worker wins a queued job, and gets a fence that no one else has.

A message says that there is work in a queue, and which job it was sent for. The worker takes the
job whose turn it is: another one, if the owner of that one has less running, or was served longer
ago. So a user with many jobs delays another user's by no more than what runs already. Every job that
can be claimed had a message sent for it, hence none is left behind; messages there are too many of
find nothing, and what a message was lost for, the sweep publishes again. The broker's own order does
not matter, whichever broker it is.
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, ScalarSelect, Subquery, and_, func, or_, select, update
from sqlalchemy.orm import aliased

from app.extensions import db, transaction
from app.jobs.log import record
from app.jobs.models import Job, JobState
from app.services import services

# With more owners than this that have jobs running, only the oldest jobs are compared.
BUSY_OWNERS = 100
# So many workers may claim at one instant and each find a job.
CANDIDATES = 200


def claim(job_id: UUID, fence: int, worker: str) -> Job | None:
    """Take the queued job whose turn it is, of the queue of the job that the message names.

    Args:
        job_id, fence: as the message says; of equals, that job goes first.
        worker: name of the worker process, for the log.

    Returns:
        The running job with its new fence; None when there is nothing to take.
    """
    lease = timedelta(seconds=services().settings.lease_seconds)
    taking = update(Job).where(Job.id == _whose_turn(job_id, fence))
    taking = taking.values(
        state=JobState.RUNNING,
        fence=Job.fence + 1,
        version=Job.version + 1,
        worker=worker,
        progress=0.0,
        progress_message="",
        started_at=func.now(),
        lease_expires_at=func.now() + lease,
    )
    with transaction():
        job = db.session.scalar(taking.returning(Job))
        if job is not None:
            record(job, "claimed")
    return job


def _whose_turn(job_id: UUID, fence: int) -> ScalarSelect[UUID]:
    """The first that no other worker is just claiming; locked, so nobody else's."""
    turns = _turns(job_id, fence)
    first = select(Job.id).join(turns, turns.c.id == Job.id).where(*_is_ready())
    first = first.order_by(turns.c.turn).limit(1).with_for_update(of=Job, skip_locked=True)
    return first.scalar_subquery()


def _turns(job_id: UUID, fence: int) -> Subquery:
    """By priority, then the owner with the least running, of those the longest unserved; then age."""
    ready, load = _oldest(job_id), _load()
    order = (
        ready.c.priority,
        func.coalesce(load.c.jobs, 0),
        _last_served(ready.c.user_id).nulls_first(),
        and_(ready.c.id == job_id, ready.c.fence == fence).desc(),
        ready.c.admitted_at,
        ready.c.id,
    )
    turns = select(ready.c.id, func.row_number().over(order_by=order).label("turn"))
    turns = turns.outerjoin(load, load.c.user_id == ready.c.user_id)
    return turns.order_by("turn").limit(CANDIDATES).subquery("turns")


def _load() -> Subquery:
    load = select(Job.user_id, func.count().label("jobs")).where(Job.state == JobState.RUNNING)
    return load.group_by(Job.user_id).subquery("load")


def _last_served(user_id: ColumnElement[UUID]) -> ScalarSelect[datetime | None]:
    served = aliased(Job)
    starts = select(served.started_at).where(
        served.user_id == user_id, served.started_at.is_not(None)
    )
    return starts.order_by(served.started_at.desc()).limit(1).scalar_subquery()


def _oldest(job_id: UUID) -> Subquery:
    """Where to look: to compare all jobs of a long queue would cost every claim its time.

    Nobody has more than a share of the queue, so among as many jobs as the shares of all owners who
    have something running, and one more, is the oldest of an owner who has not.
    """
    named = aliased(Job)
    queue = select(named.queue).where(named.id == job_id).scalar_subquery()
    share = services().settings.max_active_jobs_per_user
    columns = (Job.id, Job.fence, Job.user_id, Job.priority, Job.admitted_at)
    ready = select(*columns).where(Job.queue == queue, *_is_ready())
    ready = ready.order_by(Job.priority, Job.admitted_at, Job.id)
    return ready.limit(share * BUSY_OWNERS + 1).subquery("ready")


def _is_ready() -> tuple[ColumnElement[bool], ...]:
    """Queued, and with a message: a job without would be taken by the message of another."""
    return (
        Job.state == JobState.QUEUED,
        Job.dispatched_at.is_not(None),
        Job.cancel_requested_at.is_(None),
        or_(Job.run_after.is_(None), Job.run_after <= func.now()),
    )
