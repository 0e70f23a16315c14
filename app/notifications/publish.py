"""Notifications that a user sends to another one."""

from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from app.extensions import db, transaction
from app.notifications import inbox
from app.notifications.models import Notification

UNIQUE_KEY = "uq_notifications_user_id_dedup_key"


@dataclass(frozen=True)
class Published:
    """What came of it: a new notification, or the one that was sent with this key before."""

    notification: Notification
    again: bool


def publish(sender_id: UUID, user_id: UUID, message: inbox.Message, keep: timedelta) -> Published:
    """Send a message to a user. Commits; ringing the user is left to the caller.

    Args:
        message: its `dedup_key` is the sender's own: those of others, or of the system, are others.
        keep: how long its content is kept.
    """
    key = f"sender:{sender_id}:{message.dedup_key}" if message.dedup_key is not None else None
    if found := _sent_before(user_id, key):
        return Published(found, again=True)
    message = replace(message, sender_id=sender_id, dedup_key=key)
    try:
        with transaction():
            return Published(inbox.append(user_id, message, keep), again=False)
    except IntegrityError as error:
        if _violated(error) != UNIQUE_KEY or not (found := _sent_before(user_id, key)):
            raise
        return Published(found, again=True)  # the other of two at once was first


def _sent_before(user_id: UUID, key: str | None) -> Notification | None:
    if key is None:
        return None
    wanted = select(Notification).where(
        Notification.user_id == user_id, Notification.dedup_key == key
    )
    with transaction():
        return db.session.scalar(wanted)


def _violated(error: IntegrityError) -> str | None:
    return getattr(getattr(error.orig, "diag", None), "constraint_name", None)
