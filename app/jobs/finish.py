"""Finish: how a run ends.

Final state, log, artifact row and notification, in one transaction; or back to the queue.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from app.artifacts.models import Artifact
from app.artifacts.store import StoredFile
from app.delivery import events
from app.errors import JobTimedOut
from app.extensions import db, transaction
from app.jobs.admit import dispatch, try_to_admit_next
from app.jobs.log import record
from app.jobs.models import FINAL_STATES, Job, JobState
from app.jobs.quota import expire_oldest
from app.jobs.requeue import give_back, try_again
from app.jobs.storable import storable
from app.jobs.view import is_large, publish_job
from app.notifications import inbox
from app.notifications.models import Notification
from app.notifications.view import notification_view
from app.services import services

# The owner reads the reason; the log of the worker has all of it.
MAX_MESSAGE = 500


@dataclass(frozen=True)
class Outcome:
    """How a job ends.

    Attributes:
        state: one of `FINAL_STATES`.
        code, message: the reason, when it did not succeed.
        retryable: whether a later run may succeed; one follows if attempts are left.
    """

    state: JobState
    result: dict[str, Any] | None = None
    artifact: StoredFile | None = None
    code: str | None = None
    message: str | None = None
    retryable: bool = False


CANCELLED = Outcome(JobState.CANCELLED, code="job_cancelled", message="Cancelled by its owner.")
OUTCOME_UNKNOWN = Outcome(
    JobState.FAILED,
    code="outcome_unknown",
    message="The worker was lost while it acted on the outside world. Whether the work was done is "
    "not known, so it is not done a second time.",
)


def timed_out(seconds: float) -> Outcome:
    """The end of a job that took longer than its type permits."""
    return Outcome(
        JobState.FAILED,
        code=JobTimedOut.code,
        message=f"It took longer than the {seconds:,g} s that this kind of job may.",
    )


@dataclass(frozen=True)
class Ended:
    """What the finishing transaction wrote."""

    job: Job
    artifact: Artifact | None
    notifications: Sequence[Notification]


def finish(job_id: UUID, fence: int, outcome: Outcome) -> bool:
    """End a running job as the worker that claimed it under `fence`, and ring its owner.

    One that failed for now goes back to the queue as long as it has attempts left. Calling it again
    after an answer was lost is safe.

    Returns:
        False if the job is no longer this worker's: nothing was written.
    """
    with transaction():
        job = _locked(job_id, fence)
        if job is None:
            return False
        if job.state in FINAL_STATES:
            return job.state == outcome.state
        if job.state != JobState.RUNNING:
            return False
        ended = _end_or_try_again(job, outcome)
    _tell(job, ended)
    return True


def hand_back(job_id: UUID, fence: int, reason: str) -> bool:
    """Let another worker run a job that this one, who claimed it under `fence`, cannot finish.

    Nothing went wrong, so no attempt is used up. A job that is not `repeatable` ends, though.

    Returns:
        False if the job is no longer this worker's: nothing was written.
    """
    with transaction():
        job = _locked(job_id, fence)
        if job is None or job.state != JobState.RUNNING:
            return False
        ended = _end_instead(job)
        if ended is None:
            give_back(job, reason)
            job.dispatched_at = db.session.scalar(select(func.now()))
            job.dispatches = 1
    _tell(job, ended)
    if ended is None:
        dispatch([job])
    return True


def _locked(job_id: UUID, fence: int) -> Job | None:
    mine = select(Job).where(Job.id == job_id, Job.fence == fence).with_for_update()
    # This session still knows the job as it was claimed; its row has moved on since.
    return db.session.scalar(mine.execution_options(populate_existing=True))


def _end_or_try_again(job: Job, outcome: Outcome) -> Ended | None:
    if not outcome.retryable or job.attempt >= job.max_attempts:
        return end(job, outcome)
    if job.cancel_requested_at is not None:
        return end(job, CANCELLED)
    try_again(job, "retrying", storable(outcome.message or "", MAX_MESSAGE), code=outcome.code)
    return None


def _end_instead(job: Job) -> Ended | None:
    """End a job that must not be handed back."""
    if job.cancel_requested_at is not None:
        return end(job, CANCELLED)
    job_type = services().job_types.find(job.type)
    if job_type is not None and not job_type.repeatable:
        return end(job, OUTCOME_UNKNOWN)
    return None


def _tell(job: Job, ended: Ended | None) -> None:
    """After the commit: show what became of the job."""
    if ended is None:
        publish_job(job)
    else:
        announce(ended)


def end(job: Job, outcome: Outcome) -> Ended:
    """Write the end of a job whose row the caller has locked, in the caller's transaction."""
    job.state = outcome.state
    job.finished_at = db.session.scalar(select(func.clock_timestamp()))
    job.lease_expires_at = None
    job.version += 1
    job.result = outcome.result
    job.error_code = outcome.code
    job.error_message = storable(outcome.message, MAX_MESSAGE) if outcome.message else None
    job.error_retryable = outcome.retryable if outcome.code else None
    if outcome.state == JobState.SUCCEEDED:
        job.progress, job.progress_message = 1.0, ""
    artifact = _add_artifact(job, outcome.artifact) if outcome.artifact else None
    record(job, outcome.state, job.error_message or "")
    db.session.flush()
    keep = timedelta(days=services().settings.notification_days)
    told = inbox.append(job.user_id, _message(job, artifact), keep)
    expired = expire_oldest(job.user_id, artifact) if artifact else []
    return Ended(job, artifact, [told, *expired])


def announce(ended: Ended) -> None:
    """After the commit: ring the owner, show the job's end, admit the owner's next job.

    What is committed is told to the caller, so a database that goes away now is no error of theirs.
    """
    job = ended.job
    publish_job(job, ended.artifact)
    for notification in ended.notifications:
        services().publisher.to_user(
            job.user_id, events.NOTIFICATION, notification_view(notification)
        )
    try_to_admit_next(job.user_id)


def _add_artifact(job: Job, file: StoredFile) -> Artifact:
    artifact = Artifact(
        user_id=job.user_id,
        job_id=job.id,
        name=file.name,
        media_type=file.media_type,
        size=file.size,
        sha256=file.sha256,
        storage_key=file.key,
        expires_at=func.now() + timedelta(days=services().settings.artifact_days),
    )
    db.session.add(artifact)
    db.session.flush()
    return artifact


def _message(job: Job, artifact: Artifact | None) -> inbox.Message:
    title = services().job_types.title(job.type)
    texts = {
        JobState.SUCCEEDED: (f"{title}: ready", artifact.name if artifact else ""),
        JobState.FAILED: (f"{title}: failed", job.error_message or ""),
        JobState.CANCELLED: (f"{title}: cancelled", ""),
    }
    heading, body = texts[JobState(job.state)]
    data: dict[str, Any] = {
        "job_type": job.type,
        "request_id": job.request_id,
        # The end goes to every device; a large result stands in the job.
        "result": None if is_large(job.result) else job.result,
    }
    if artifact:
        data["artifact"] = {
            "name": artifact.name,
            "media_type": artifact.media_type,
            "size": artifact.size,
            "url": f"/v1/jobs/{job.id}/result",
        }
    if job.error_code:
        data["error"] = {"code": job.error_code, "message": job.error_message}
    return inbox.Message(f"job.{job.state}", heading, body, data, job.id, final=True)
