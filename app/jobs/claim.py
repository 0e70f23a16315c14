"""Claim: exactly one worker wins a queued job, and gets a fence that no one else has.

A message says that there is work in a queue, and which job it was sent for. The worker takes the
job whose turn it is: another one, if the owner of that one has less running. So a user with many
jobs delays another user's by no more than what runs already. There are as many messages as queued
jobs, hence none is left behind; what a message was lost for, the sweep publishes again.
"""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import ScalarSelect, and_, func, or_, select, update
from sqlalchemy.orm import aliased

from app.extensions import db, transaction
from app.jobs.log import record
from app.jobs.models import Job, JobState
from app.services import services


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
    """By priority, then the owner with the least running, then age; locked, so nobody else's."""
    named, running = aliased(Job), aliased(Job)
    queue = select(named.queue).where(named.id == job_id).scalar_subquery()
    load = (
        select(running.user_id, func.count().label("jobs"))
        .where(running.state == JobState.RUNNING)
        .group_by(running.user_id)
        .subquery()
    )
    waiting = (
        Job.state == JobState.QUEUED,
        Job.queue == queue,
        Job.cancel_requested_at.is_(None),
        or_(Job.run_after.is_(None), Job.run_after <= func.now()),
    )
    turns = (
        Job.priority,
        func.coalesce(load.c.jobs, 0),
        and_(Job.id == job_id, Job.fence == fence).desc(),
        Job.admitted_at,
        Job.id,
    )
    found = select(Job.id).outerjoin(load, load.c.user_id == Job.user_id).where(*waiting)
    found = found.order_by(*turns).limit(1).with_for_update(of=Job, skip_locked=True)
    return found.scalar_subquery()
