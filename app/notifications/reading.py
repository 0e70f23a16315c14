"""Marking as read: durable first, then told to all of the user's devices."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select, update

from app.delivery import events
from app.delivery.publisher import Publisher
from app.extensions import db, transaction
from app.notifications import inbox
from app.notifications.inbox import Summary
from app.notifications.models import Inbox, Notification
from app.notifications.view import read_view

# Rows of one transaction: a hundred thousand unread ones must not stay locked together.
BATCH = 1000


def mark_read(user_id: UUID, up_to: int, publisher: Publisher) -> Summary:
    """Mark everything up to a number as read, and tell all connections of the user.

    Commits by itself, a batch at a time from the lowest number on; the last one notes how far the
    user has read. One that was cut off has marked a part, and can be called again.

    Args:
        up_to: a higher number than was given yet counts as the last one.

    Returns:
        The inbox as it stands afterwards.
    """
    with transaction():
        before = inbox.marks([user_id])[user_id]
    up_to = min(up_to, before.head)
    if up_to <= before.read:
        with transaction():
            return inbox.summary(user_id)
    last: int | None = before.read
    while last is not None:
        with transaction():
            last = _mark_batch(user_id, last, up_to)
    with transaction():
        state = inbox.summary(user_id)
    publisher.to_user(user_id, events.READ, read_view(state))
    return state


def _mark_batch(user_id: UUID, after: int, up_to: int) -> int | None:
    """Mark some above `after`; the last of them, or None once there are no more."""
    marked = _mark(user_id, after, up_to)
    if len(marked) == BATCH:
        return max(marked)
    raising = update(Inbox).where(Inbox.user_id == user_id)
    db.session.execute(raising.values(read_seq=func.greatest(Inbox.read_seq, up_to)))
    return None


def _mark(user_id: UUID, after: int, up_to: int) -> Sequence[int]:
    unread = select(Notification.seq).where(
        *inbox.unread_of(user_id), Notification.seq > after, Notification.seq <= up_to
    )
    # In one order, so that two of them at once wait for each other and do not block each other.
    unread = unread.order_by(Notification.seq).limit(BATCH).with_for_update(key_share=True)
    marking = update(Notification).where(
        Notification.user_id == user_id, Notification.seq.in_(unread)
    )
    marking = marking.values(read_at=func.now()).returning(Notification.seq)
    return db.session.scalars(marking, execution_options={"synchronize_session": False}).all()
