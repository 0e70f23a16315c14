"""Submit: the row is the promise. Once it is committed, the job is accepted."""

from typing import Any
from uuid import UUID

from app.extensions import db, transaction
from app.jobs.admit import admit, dispatch
from app.jobs.log import ids_of, record
from app.jobs.models import Job
from app.observability import get_contextvars, get_logger
from app.services import services

log = get_logger(__name__)


def submit(user_id: UUID, type_name: str, params: dict[str, Any]) -> Job:
    """Accept a job.

    Args:
        type_name: name of a job type.
        params: as the client sent them; checked here.

    Raises:
        InvalidInput: unknown type, or parameters that break its schema.
    """
    job_types = services().job_types
    job_type = job_types.get(type_name)
    checked = job_types.validate(job_type, params).model_dump(mode="json")
    with transaction():
        job = Job(
            user_id=user_id,
            type=job_type.name,
            params=checked,
            max_attempts=job_type.max_attempts,
            queue=job_type.queue,
            priority=job_type.priority,
            request_id=get_contextvars().get("request_id"),
        )
        db.session.add(job)
        db.session.flush()
        record(job, "accepted")
        admitted = admit(user_id)
    log.info("job submitted", **ids_of(job))
    dispatch(admitted)
    return job
