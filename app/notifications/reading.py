"""Marking as read: durable first, then told to all of the user's devices."""

from uuid import UUID

from sqlalchemy import func, update

from app.delivery import events
from app.delivery.publisher import Publisher
from app.extensions import db, transaction
from app.notifications import inbox
from app.notifications.inbox import Summary
from app.notifications.models import Inbox, Notification
from app.notifications.view import read_view

# Numbers of one transaction: a hundred thousand unread ones must not stay locked together.
BATCH = 1000


def mark_read(user_id: UUID, up_to: int, publisher: Publisher) -> Summary:
    """Mark everything up to a number as read, and tell all connections of the user.

    Commits by itself, a batch at a time from the lowest number on. One that was cut off has marked a
    part, and can be called again.

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
    for after in range(before.read, up_to, BATCH):
        with transaction():
            _mark(user_id, after, min(after + BATCH, up_to))
    with transaction():
        state = inbox.summary(user_id)
    publisher.to_user(user_id, events.READ, read_view(state))
    return state


def _mark(user_id: UUID, after: int, up_to: int) -> None:
    marking = update(Notification).where(
        *inbox.unread_of(user_id), Notification.seq > after, Notification.seq <= up_to
    )
    noting = update(Inbox).where(Inbox.user_id == user_id)
    for statement in (
        marking.values(read_at=func.now()),
        noting.values(read_seq=func.greatest(Inbox.read_seq, up_to)),
    ):
        db.session.execute(statement, execution_options={"synchronize_session": False})
