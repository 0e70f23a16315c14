"""The job's log, and its ids in the log of the process."""

from contextlib import AbstractContextManager
from typing import Any

from app.extensions import db
from app.jobs.models import Job, JobEvent
from app.observability import bound_contextvars


def record(job: Job, event: str, message: str = "", **data: Any) -> None:
    """Add a line to the job's log, in the caller's transaction.

    Args:
        event: fixed word: `accepted`, `admitted`, `claimed`, `requeued`, `retrying`, `handed_back`,
            `cancel_requested`, or a final state.
        message: the reason, for people.
        data: what varies; JSON values.
    """
    db.session.add(
        JobEvent(
            job_id=job.id,
            attempt=job.attempt,
            fence=job.fence,
            event=event,
            message=message,
            worker=job.worker,
            data=data,
        )
    )


def ids_of(job: Job) -> dict[str, Any]:
    """What each log line about a job has, in whatever process."""
    return {
        "job_id": str(job.id),
        "user_id": str(job.user_id),
        "request_id": job.request_id,
        "job_type": job.type,
        "attempt": job.attempt,
    }


def about(job: Job) -> AbstractContextManager[None]:
    """Log lines within are about this job, and not about what the thread did before."""
    return bound_contextvars(**ids_of(job))
