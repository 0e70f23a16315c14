"""The job's log."""

from typing import Any

from app.extensions import db
from app.jobs.models import Job, JobEvent


def record(job: Job, event: str, message: str = "", **data: Any) -> None:
    """Add a line to the job's log, in the caller's transaction.

    Args:
        event: fixed word: `accepted`, `admitted`, `claimed`, `requeued`, or a final state.
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
