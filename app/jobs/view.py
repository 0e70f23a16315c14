"""How a job looks outside: in REST answers and in hints alike."""

import json
from datetime import UTC, datetime
from typing import Any

from app.artifacts.models import Artifact
from app.delivery import events
from app.jobs.models import Job, JobEvent, JobState
from app.jobs.queries import LARGE_BYTES, Listed
from app.services import services


def job_view(job: Job, artifact: Artifact | None = None) -> dict[str, Any]:
    """The whole job; JSON values only."""
    return _outline(job, artifact) | _contents(job.params, job.result)


def listed_view(listed: Listed) -> dict[str, Any]:
    """A job of a list, in the same shape."""
    contents = _contents(listed.params, listed.result, shortened=listed.shortened)
    return _outline(listed.job, listed.artifact) | contents


def hint_view(job: Job, artifact: Artifact | None = None) -> dict[str, Any]:
    """A job as each of its changes is told to every tab, in the same shape."""
    params = None if is_large(job.params) else job.params
    result = None if is_large(job.result) else job.result
    shortened = params is None or (result is None and job.result is not None)
    return _outline(job, artifact) | _contents(params, result, shortened=shortened)


def is_large(value: dict[str, Any] | None) -> bool:
    """Whether it is left out where jobs are shown by the dozen, or again and again."""
    return len(json.dumps(value, ensure_ascii=False).encode()) > LARGE_BYTES


def _contents(
    params: dict[str, Any] | None, result: dict[str, Any] | None, *, shortened: bool = False
) -> dict[str, Any]:
    return {"params": params, "result": result, "shortened": shortened}


def _outline(job: Job, artifact: Artifact | None) -> dict[str, Any]:
    """All but what may be large."""
    return {
        "id": str(job.id),
        "user_id": str(job.user_id),
        "type": job.type,
        "state": job.state,
        "progress": job.progress,
        "progress_message": job.progress_message,
        "eta_seconds": _eta_seconds(job),
        "version": job.version,
        "attempt": job.attempt,
        "max_attempts": job.max_attempts,
        "cancelling": job.cancel_requested_at is not None and job.finished_at is None,
        "run_after": _iso(job.run_after) if job.state == JobState.QUEUED else None,
        "created_at": job.created_at.isoformat(),
        "started_at": _iso(job.started_at),
        "finished_at": _iso(job.finished_at),
        "error": _error(job),
        "artifact": _artifact(artifact) if artifact else None,
        "follows": str(job.follows) if job.follows else None,
        "schedule_id": str(job.schedule_id) if job.schedule_id else None,
    }


def event_view(event: JobEvent) -> dict[str, Any]:
    """JSON values only."""
    return {
        "at": event.at.isoformat(),
        "event": event.event,
        "attempt": event.attempt,
        "message": event.message,
        "worker": event.worker,
        "data": event.data,
    }


def publish_job(job: Job, artifact: Artifact | None = None) -> None:
    """Send the job's present look to its owner's browsers, as a hint."""
    services().publisher.to_user(job.user_id, events.JOB, hint_view(job, artifact))


def _eta_seconds(job: Job) -> float | None:
    """Time left if the rest goes as fast as what is done; None when nothing can be said."""
    if job.state != JobState.RUNNING or job.started_at is None or job.progress <= 0:
        return None
    elapsed = (datetime.now(UTC) - job.started_at).total_seconds()
    return round(max(elapsed, 0) * (1 - job.progress) / job.progress, 1)


def _error(job: Job) -> dict[str, Any] | None:
    if job.error_code is None:
        return None
    return {
        "code": job.error_code,
        "message": job.error_message,
        "retryable": job.error_retryable,
    }


def _artifact(artifact: Artifact) -> dict[str, Any]:
    return {
        "name": artifact.name,
        "media_type": artifact.media_type,
        "size": artifact.size,
        "sha256": artifact.sha256,
        "url": f"/v1/jobs/{artifact.job_id}/result",
        "expires_at": artifact.expires_at.isoformat(),
        "deleted": artifact.deleted_at is not None or artifact.expires_at <= datetime.now(UTC),
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
