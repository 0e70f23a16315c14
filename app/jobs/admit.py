"""Admission: how many jobs of one user are with the broker at once.

The broker's queue stays short, so one user's thousand jobs never stand before another's one.
"""

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.extensions import db, transaction
from app.jobs.log import about, record
from app.jobs.models import ACTIVE_STATES, Job, JobState
from app.observability import get_logger
from app.services import services

log = get_logger(__name__)

# First key of the advisory lock; the second is a hash of the user.
ADMISSION_LOCK = 0x52494E47


def admit_next(user_id: UUID) -> None:
    """Admit what the user's share permits, in a transaction of its own, and dispatch it."""
    with transaction():
        admitted = admit(user_id)
    dispatch(admitted)


def try_to_admit_next(user_id: UUID) -> Exception | None:
    """`admit_next` for those whose own work is committed already, and must not fail by it.

    Returns:
        Why the database did not admit anything; it is logged, and the beat tries again.
    """
    try:
        admit_next(user_id)
    except (OperationalError, InterfaceError, PoolTimeout) as error:
        log.warning(
            "not admitted, the next turn tries again", reason=str(getattr(error, "orig", error))
        )
        return error
    return None


def admit(user_id: UUID) -> Sequence[Job]:
    """Move jobs of the user from `waiting` to `queued`, as many as the share permits.

    Counting and admitting happen under the user's turn. The caller holds no lock on a job that is
    waiting already, and dispatches the result after its commit.
    """
    take_turn(user_id)
    active = _active_by_type(user_id)
    admitted: list[Job] = []
    while active.total() < services().settings.max_active_jobs_per_user:
        job = db.session.scalar(_next_waiting(user_id, active))
        if job is None:
            break
        _queue(job)
        active[job.type] += 1
        admitted.append(job)
    return admitted


def take_turn(user_id: UUID) -> None:
    """Wait until no other transaction counts or adds jobs of this user; lasts until the commit."""
    db.session.execute(
        select(func.pg_advisory_xact_lock(ADMISSION_LOCK, func.hashtext(str(user_id))))
    )


def dispatch(jobs: Sequence[Job]) -> None:
    """Hand committed, queued jobs to the broker; does not wait for it."""
    dispatcher = services().dispatcher
    for job in jobs:
        with about(job):
            dispatcher.dispatch(job.id, job.fence, queue=job.queue)


def _active_by_type(user_id: UUID) -> Counter[str]:
    counting = select(Job.type, func.count()).where(
        Job.user_id == user_id, Job.state.in_(ACTIVE_STATES)
    )
    return Counter(dict(db.session.execute(counting.group_by(Job.type)).all()))


def _next_waiting(user_id: UUID, active: Counter[str]) -> Select[Job]:
    full = [
        each.name
        for each in services().job_types
        if each.max_active_per_user is not None and active[each.name] >= each.max_active_per_user
    ]
    waiting = select(Job).where(
        Job.user_id == user_id,
        Job.state == JobState.WAITING,
        Job.cancel_requested_at.is_(None),
        Job.type.not_in(full),
    )
    first = waiting.order_by(Job.priority, Job.id).limit(1).with_for_update(skip_locked=True)
    return first.execution_options(populate_existing=True)


def _queue(job: Job) -> None:
    job.state = JobState.QUEUED
    job.admitted_at = job.dispatched_at = db.session.scalar(select(func.now()))
    job.dispatches = 1
    job.version += 1
    record(job, "admitted")
    db.session.flush()
