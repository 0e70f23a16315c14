"""Cancel: a job ends before its time, because its owner says so."""

from uuid import UUID

from sqlalchemy import func, select

from app.errors import Conflict, NotFound
from app.extensions import db, transaction
from app.jobs.finish import CANCELLED, Ended, announce, end
from app.jobs.log import about, record
from app.jobs.models import FINAL_STATES, Job, JobState
from app.jobs.view import publish_job
from app.observability import get_logger

log = get_logger(__name__)


def cancel(user_id: UUID, job_id: UUID) -> Job:
    """End the job at once if it does not run; tell its worker to stop if it does.

    A running job may still succeed, if it was about to.

    Raises:
        NotFound: the user has no such job.
        Conflict: `job_ended`, it has ended already.
    """
    with transaction():
        job = _locked(user_id, job_id)
        ended = ask(job)
    tell(job, ended)
    return job


def ask(job: Job) -> Ended | None:
    """Cancel a job whose row the caller has locked, in the caller's transaction.

    Returns:
        Its end; None if it runs, and its worker is to stop.
    """
    if job.state != JobState.RUNNING:
        return end(job, CANCELLED)
    if job.cancel_requested_at is None:
        job.cancel_requested_at = db.session.scalar(select(func.now()))
        job.version += 1
        record(job, "cancel_requested")
    return None


def tell(job: Job, ended: Ended | None) -> None:
    """After the commit: show what `ask` came to."""
    with about(job):
        log.info("job cancelled", state=job.state)
        if ended is None:
            publish_job(job)
        else:
            announce(ended)


def _locked(user_id: UUID, job_id: UUID) -> Job:
    wanted = select(Job).where(Job.user_id == user_id, Job.id == job_id).with_for_update()
    job = db.session.scalar(wanted.execution_options(populate_existing=True))
    if job is None:
        raise NotFound("There is no such job.", code="job_not_found")
    if job.state in FINAL_STATES:
        raise Conflict(
            f"This job has ended already: it {_HOW[JobState(job.state)]}.", code="job_ended"
        )
    return job


_HOW = {
    JobState.SUCCEEDED: "succeeded",
    JobState.FAILED: "failed",
    JobState.CANCELLED: "was cancelled",
}
