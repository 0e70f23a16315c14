"""Back to the queue: a job that was lost, that failed for now, or whose worker has to stop.

Each function changes a job whose row the caller has locked, in the caller's transaction.
"""

import random
from datetime import timedelta

from sqlalchemy import func, select

from app.extensions import db
from app.jobs.log import record
from app.jobs.models import Job, JobState

FIRST_PAUSE_SECONDS = 1.0
MAX_PAUSE_SECONDS = 600.0


def try_again(job: Job, event: str, reason: str, **data: str | None) -> None:
    """Use up one attempt, and queue the job for later.

    Args:
        event: `requeued` (its worker was lost) or `retrying` (it failed for now).
        reason, data: for the job's log.
    """
    pause = pause_seconds(job.attempt)
    record(job, event, reason, delay_seconds=pause, **data)
    _queue(job)
    job.attempt += 1
    now = db.session.execute(select(func.now())).scalar_one()
    job.run_after = now + timedelta(seconds=pause)


def give_back(job: Job, reason: str) -> None:
    """Queue the job for the next worker at once; nothing went wrong, so no attempt is used up."""
    record(job, "handed_back", reason)
    _queue(job)
    job.run_after = None


def pause_seconds(attempt: int) -> float:
    """How long to wait after this attempt.

    Doubled each time, and spread, so that jobs which failed together do not come back together.

    Returns:
        From the half to the whole of 1, 2, 4 … seconds; at most 600.
    """
    longest = min(FIRST_PAUSE_SECONDS * 2.0 ** min(attempt - 1, 30), MAX_PAUSE_SECONDS)
    return round(random.uniform(longest / 2, longest), 3)


def _queue(job: Job) -> None:
    job.state = JobState.QUEUED
    job.version += 1
    job.lease_expires_at = None
    job.dispatched_at = None
    job.dispatches = 0
