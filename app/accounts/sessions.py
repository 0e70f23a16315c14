"""Sessions: one sign-in on one device. Its row decides whether any of its tokens still counts.

Whoever ends a session tells the socket servers after the commit (`events.SESSIONS_CHANGED`); that
is left to the caller, because accounts know nothing of delivery.
"""

from collections.abc import Collection, Sequence
from typing import Any, cast
from uuid import UUID

from sqlalchemy import CursorResult, func, select, update

from app.accounts.models import Session, User
from app.errors import NotFound
from app.extensions import db, transaction

SIGNED_OUT = "signed_out"


def list_open(user_id: UUID, before: UUID | None, limit: int) -> Sequence[Session]:
    """The user's open sessions, newest first, at most `limit`, older than the session `before`."""
    query = select(Session).where(Session.user_id == user_id, *_open())
    if before is not None:
        query = query.where(Session.id < before)
    return db.session.scalars(query.order_by(Session.id.desc()).limit(limit)).all()


def live_sessions(session_ids: Collection[UUID]) -> set[UUID]:
    """Those of the sessions that count: not revoked, not expired, their user active."""
    query = select(Session.id).join(User, User.id == Session.user_id)
    return set(db.session.scalars(query.where(Session.id.in_(session_ids), User.active, *_open())))


def note_use(session_id: UUID) -> None:
    """Note, in the caller's transaction, that the session's present tokens have arrived.

    Whoever has the row locked is not waited for: the next request notes it as well.
    """
    unused = select(Session.id).where(Session.id == session_id, Session.is_unused)
    unused = unused.with_for_update(skip_locked=True)
    noting = update(Session).where(Session.id == unused.scalar_subquery())
    db.session.execute(noting.values(last_used_at=func.clock_timestamp()))


def revoke(user_id: UUID, session_id: UUID, reason: str = SIGNED_OUT) -> None:
    """End one session of the user.

    Raises:
        NotFound: the user has no such open session.
    """
    with transaction():
        if not _revoke(reason, Session.id == session_id, Session.user_id == user_id):
            raise NotFound("You have no such open session.", code="session_not_found")


def revoke_all(user_id: UUID, reason: str, *, keep: UUID | None = None) -> int:
    """End all sessions of the user, in the caller's transaction.

    Args:
        keep: a session that stays.

    Returns:
        How many ended.
    """
    kept = [] if keep is None else [Session.id != keep]
    return _revoke(reason, Session.user_id == user_id, *kept)


def _revoke(reason: str, *conditions: Any) -> int:
    statement = (
        update(Session)
        .where(Session.revoked_at.is_(None), *conditions)
        .values(revoked_at=func.now(), revoked_reason=reason)
        .execution_options(synchronize_session=False)
    )
    return cast(CursorResult[Any], db.session.execute(statement)).rowcount


def _open() -> tuple[Any, Any]:
    return Session.revoked_at.is_(None), Session.expires_at > func.now()
