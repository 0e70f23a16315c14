"""The job that is there already: of the same idempotency key, or the one that is active.

All of it happens in the transaction of a submission, which has taken its user's turn.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from typing import Any, Self

from sqlalchemy import ColumnElement, func, select

from app.errors import Conflict
from app.extensions import db
from app.jobs.models import UNFINISHED_STATES, Job
from app.services import services


class Again(Enum):
    """Why no new job was made.

    Members:
        SAME_KEY: this idempotency key made the job before.
        ACTIVE: the type allows one such job at a time, and this one has not ended.
    """

    SAME_KEY = auto()
    ACTIVE = auto()


@dataclass(frozen=True)
class Key:
    """An idempotency key and a hash of what it was sent with."""

    value: str
    body_hash: str

    @classmethod
    def of(cls, value: str, *body: Any) -> Self:
        """The key with its body, as JSON values."""
        return cls(value, _hash(json.dumps(body, sort_keys=True)))


def fingerprint(unique_key: str | None) -> str | None:
    """What the row keeps of a type's unique key: an index takes no long text."""
    return None if unique_key is None else _hash(unique_key)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def find(wanted: Job, key: Key | None) -> tuple[Job, Again] | None:
    """The job to give back in place of the wanted one, and why.

    Raises:
        Conflict: `idempotency_key_reused`, the key stands for something else.
    """
    if key is not None and (made := _made_by(wanted, key)):
        return made, Again.SAME_KEY
    if wanted.unique_key is not None and (active := _active_twin(wanted)):
        if key is not None and (active.idempotency_key is None or _has_expired(active)):
            bind(active, key)  # else it stands for the key that it was made with
        return active, Again.ACTIVE
    return None


def bind(job: Job, key: Key) -> None:
    """From now on, for the time that the settings say, the key stands for this job."""
    hours = services().settings.idempotency_hours
    job.idempotency_key, job.idempotency_hash = key.value, key.body_hash
    job.idempotency_expires_at = func.now() + timedelta(hours=hours)


def _made_by(wanted: Job, key: Key) -> Job | None:
    job = _first(Job.user_id == wanted.user_id, Job.idempotency_key == key.value)
    if job is None:
        return None
    if _has_expired(job):
        job.idempotency_key = job.idempotency_hash = job.idempotency_expires_at = None
        db.session.flush()  # before another row takes the key
        return None
    if job.idempotency_hash != key.body_hash:
        raise Conflict(
            "This Idempotency-Key came with another type, or with other parameters. Make a new key "
            "for each job.",
            code="idempotency_key_reused",
        )
    return job


def _has_expired(job: Job) -> bool:
    return bool(db.session.scalar(select(func.now() >= job.idempotency_expires_at)))


def _active_twin(wanted: Job) -> Job | None:
    return _first(
        Job.user_id == wanted.user_id,
        Job.type == wanted.type,
        Job.unique_key == wanted.unique_key,
        Job.cancel_requested_at.is_(None),
        Job.state.in_(UNFINISHED_STATES),
    )


def _first(*condition: ColumnElement[bool]) -> Job | None:
    """Locked: it must not end, or be bound to another key, in between."""
    found = select(Job).where(*condition).with_for_update()
    return db.session.scalar(found.execution_options(populate_existing=True))
