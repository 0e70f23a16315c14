"""Claim: exactly one worker wins a queued job, and gets a fence that no one else has."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, or_, update

from app.extensions import db, transaction
from app.jobs.log import record
from app.jobs.models import Job, JobState
from app.services import services


def claim(job_id: UUID, fence: int, worker: str) -> Job | None:
    """Take the job if it is still queued under this fence.

    Args:
        fence: as the message says; a duplicate or late message names one that has passed.
        worker: name of the worker process, for the log.

    Returns:
        The running job with its new fence; None when there is nothing to take.
    """
    lease = timedelta(seconds=services().settings.lease_seconds)
    taking = update(Job).where(
        Job.id == job_id,
        Job.fence == fence,
        Job.state == JobState.QUEUED,
        Job.cancel_requested_at.is_(None),
        or_(Job.run_after.is_(None), Job.run_after <= func.now()),
    )
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
