"""What the result files of one user may take together; beyond it, the oldest go.

Their owner is told.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update

from app.artifacts.models import Artifact
from app.extensions import db
from app.notifications import inbox
from app.notifications.models import Notification
from app.observability import get_logger
from app.services import services

log = get_logger(__name__)

# A large file may take the place of very many small ones; beyond these, one message tells the rest.
MAX_TOLD = 20
REASON = "Your files took more space than one user may have, and the oldest go first. "


def expire_oldest(user_id: UUID, newest: Artifact) -> Sequence[Notification]:
    """Let the user's oldest files expire until the others fit, never the newest one.

    Called in the finishing transaction that holds the inbox's lock, so that finishes of one user
    count one after the other. The beat deletes what expired.

    Returns:
        What is to be rung after the commit.
    """
    expired = _expire(user_id, newest)
    if not expired:
        return []
    log.info("files expired", files=len(expired))
    keep = timedelta(days=services().settings.notification_days)
    return [inbox.append(user_id, message, keep) for message in _messages(expired)]


def _expire(user_id: UUID, newest: Artifact) -> list[Artifact]:
    # A finish may have begun later and ended earlier, so what counts is neither when its file was
    # made nor when this transaction began.
    now = func.clock_timestamp()
    newest_first = (
        (Artifact.id == newest.id).desc(),
        Artifact.created_at.desc(),
        Artifact.id.desc(),
    )
    sizes = select(Artifact.id, func.sum(Artifact.size).over(order_by=newest_first).label("so_far"))
    sizes = sizes.where(
        Artifact.user_id == user_id,
        Artifact.deleted_at.is_(None),
        Artifact.expires_at > now,
    )
    kept = sizes.subquery()
    most = services().settings.max_artifact_bytes_per_user
    too_many = select(kept.c.id).where(kept.c.so_far > most, kept.c.id != newest.id)
    expiring = update(Artifact).where(Artifact.id.in_(too_many)).values(expires_at=now)
    expired = db.session.scalars(expiring.returning(Artifact)).all()
    return sorted(expired, key=lambda each: (each.created_at, each.id))


def _messages(expired: list[Artifact]) -> Iterator[inbox.Message]:
    for each in expired[:MAX_TOLD]:
        data = {"job_id": str(each.job_id), "name": each.name, "size": each.size}
        body = f"{REASON}Start the job again if you need it."
        yield _message(f"{each.name}: expired", body, data, each)
    if rest := expired[MAX_TOLD:]:
        data = {"files": len(rest), "size": sum(each.size for each in rest)}
        yield _message(f"{len(rest):,} more files: expired", REASON.strip(), data)


def _message(
    title: str, body: str, data: dict[str, Any], artifact: Artifact | None = None
) -> inbox.Message:
    job_id = artifact.job_id if artifact else None
    return inbox.Message("artifact.expired", title, body, data | {"reason": "quota"}, job_id)
