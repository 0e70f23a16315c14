"""Retention: what was kept long enough is deleted here, and files that nothing refers to.

Each statement skips rows that somebody else has locked, and files are deleted outside of any
transaction, because a store may be slow. Two beats at once may delete the same file: a missing one
is no error.
"""

from collections.abc import Callable
from datetime import timedelta
from itertools import islice
from uuid import UUID

from sqlalchemy import delete, func, or_, select, update

from app.artifacts.models import Artifact
from app.artifacts.store import ArtifactStore
from app.extensions import db, transaction
from app.jobs.models import Job, JobState
from app.notifications import inbox
from app.observability import get_logger
from app.services import services
from app.uploads import keeping

log = get_logger(__name__)

BATCH = 500
UNDELETABLE_PAUSE = timedelta(hours=1)


def expire_artifacts() -> int:
    """Delete the files that were kept long enough; returns how many were to be deleted."""
    due = select(Artifact.id, Artifact.storage_key).where(
        Artifact.expires_at < func.now(),
        Artifact.deleted_at.is_(None),
        or_(Artifact.retry_at.is_(None), Artifact.retry_at < func.now()),
    )
    with transaction():
        found = db.session.execute(due.order_by(Artifact.expires_at).limit(BATCH)).all()
    for artifact_id, key in found:
        _note(artifact_id, deleted=_delete(services().store, key))
    return len(found)


def _note(artifact_id: UUID, *, deleted: bool) -> None:
    """Note in a transaction of its own what became of a file; the first beat's word counts."""
    noting = update(Artifact).where(Artifact.id == artifact_id, Artifact.deleted_at.is_(None))
    with transaction():
        if deleted:
            db.session.execute(noting.values(deleted_at=func.now()))
        else:
            db.session.execute(noting.values(retry_at=func.now() + UNDELETABLE_PAUSE))


def expire_uploads() -> int:
    """Delete the uploads that were kept long enough; returns how many.

    A job that has opened one reads on.
    """
    return keeping.expire(BATCH)


def expire_notifications() -> int:
    """Empty the notifications that were kept long enough."""
    with transaction():
        keep = timedelta(days=services().settings.notification_days)
        inbox.forget_acknowledgements(keep, BATCH)
        return inbox.erase_expired(BATCH)


def expire_jobs() -> int:
    """Delete jobs that ended long ago, with their logs; a job stays as long as its file."""
    keep = timedelta(days=services().settings.job_days)
    file = select(Artifact.id).where(Artifact.job_id == Job.id, Artifact.deleted_at.is_(None))
    old = select(Job.id).where(Job.finished_at < func.now() - keep, ~file.exists())
    old = old.order_by(Job.finished_at).limit(BATCH).with_for_update(skip_locked=True)
    deleting = delete(Job).where(Job.id.in_(old)).returning(Job.id)
    with transaction():
        return len(db.session.scalars(deleting).all())


def expire_keys() -> int:
    """Let idempotency keys stand for nothing once their time is over."""
    over = select(Job.id).where(
        Job.idempotency_key.is_not(None), Job.idempotency_expires_at < func.now()
    )
    over = over.limit(BATCH).with_for_update(skip_locked=True)
    freeing = update(Job).where(Job.id.in_(over)).returning(Job.id)
    nothing = freeing.values(
        idempotency_key=None, idempotency_hash=None, idempotency_expires_at=None
    )
    with transaction():
        return len(db.session.scalars(nothing).all())


def remove_orphans() -> int:
    """Delete old files that nothing refers to: of processes that died between file and commit."""
    given = services()
    return _sweep(given.store, _needed) + _sweep(given.uploads, keeping.keys_among)


def _sweep(store: ArtifactStore, needed_of: Callable[[list[str]], set[str]]) -> int:
    """Delete the old files of a store but those that are needed; returns how many."""
    removed = 0
    age = timedelta(seconds=services().settings.orphan_seconds)
    stale = store.stale_keys(age)
    while keys := list(islice(stale, BATCH)):
        with transaction():
            needed = needed_of(keys)
        removed += sum(_delete(store, key) for key in set(keys) - needed)
    return removed


def _delete(store: ArtifactStore, key: str) -> bool:
    """Delete a file; one that cannot be deleted is logged and must not hold up the others."""
    try:
        store.delete(key)
    except OSError as error:
        log.warning("file not deleted", key=key, reason=str(error))
        return False
    return True


def _needed(keys: list[str]) -> set[str]:
    """Those of the keys that an artifact has, or that a running job may be writing."""
    claim = func.concat(Job.id, "/", Job.fence)
    running = select(claim).where(Job.state == JobState.RUNNING)
    # In this order: a job that ends in between is seen by the one or by the other.
    writing = set(db.session.scalars(running))
    kept = select(Artifact.storage_key).where(
        Artifact.storage_key.in_(keys), Artifact.deleted_at.is_(None)
    )
    in_use = {key for key in keys if key.rpartition("/")[0] in writing}
    return set(db.session.scalars(kept)) | in_use
