"""The numbered inbox: append, read on, acknowledge, mark as read.

Every function works for one user, and none commits: the caller's transaction does.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.elements import ColumnElement

from app.errors import NotFound
from app.extensions import db
from app.notifications.models import Acknowledgement, Inbox, Notification

# First key of the advisory lock; the second is a hash of user and device.
ACKNOWLEDGING = 0x41434B


@dataclass(frozen=True)
class Message:
    """What a notification says.

    Attributes:
        type: stable name, for example `job.succeeded`.
        final: whether it tells the end of `job_id`; there is one such per job.
        dedup_key: a second message of this key to the same user is an error.
    """

    type: str
    title: str
    body: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    job_id: UUID | None = None
    final: bool = False
    dedup_key: str | None = None


@dataclass(frozen=True)
class Summary:
    """The state of an inbox: its highest number, and how many are unread."""

    head: int
    unread: int


def append(user_id: UUID, message: Message, keep: timedelta) -> Notification:
    """Add a message under the next number.

    The inbox row stays locked until the caller commits, so numbers become visible in their order
    and without a gap. Take the job's lock first.
    """
    counting = insert(Inbox).values(user_id=user_id, head_seq=1)
    counting = counting.on_conflict_do_update(
        index_elements=[Inbox.user_id], set_={"head_seq": Inbox.head_seq + 1}
    )
    seq = db.session.execute(counting.returning(Inbox.head_seq)).scalar_one()
    notification = Notification(
        user_id=user_id,
        seq=seq,
        type=message.type,
        title=message.title,
        body=message.body,
        data=message.data,
        job_id=message.job_id,
        final=message.final,
        dedup_key=message.dedup_key,
        expires_at=func.now() + keep,
    )
    db.session.add(notification)
    db.session.flush()
    return notification


def page(user_id: UUID, after: int, limit: int) -> Sequence[Notification]:
    """The notifications numbered above `after`, in order, at most `limit`."""
    wanted = select(Notification).where(Notification.user_id == user_id, Notification.seq > after)
    return db.session.scalars(wanted.order_by(Notification.seq).limit(limit)).all()


def get(user_id: UUID, notification_id: UUID) -> Notification:
    """One notification of the user; raises `NotFound`."""
    wanted = select(Notification).where(
        Notification.user_id == user_id, Notification.id == notification_id
    )
    notification = db.session.scalar(wanted)
    if notification is None:
        raise NotFound("There is no such notification.", code="notification_not_found")
    return notification


def heads(user_ids: Iterable[UUID]) -> dict[UUID, int]:
    """The highest number of each user; 0 for an inbox that is still empty."""
    users = list(user_ids)
    wanted = select(Inbox.user_id, Inbox.head_seq).where(Inbox.user_id.in_(users))
    return dict.fromkeys(users, 0) | {
        row.user_id: row.head_seq for row in db.session.execute(wanted)
    }


def summary(user_id: UUID) -> Summary:
    """Head and unread count, as of one moment."""
    head = select(Inbox.head_seq).where(Inbox.user_id == user_id).scalar_subquery()
    unread = select(func.count()).select_from(Notification).where(*_unread(user_id))
    row = db.session.execute(select(func.coalesce(head, 0), unread.scalar_subquery())).one()
    return Summary(*row)


def mark_read(user_id: UUID, up_to: int) -> int:
    """Mark everything up to a number as read; returns how many were unread."""
    marking = update(Notification).where(*_unread(user_id), Notification.seq <= up_to)
    marked = db.session.scalars(marking.values(read_at=func.now()).returning(Notification.seq))
    return len(marked.all())


def acknowledge(user_id: UUID, device: str, seq: int) -> None:
    """Record that a device's cursor reached `seq`; going back, and numbers not given, are ignored."""
    # Two connections of one device take turns, or their numbers would overlap.
    db.session.execute(
        select(func.pg_advisory_xact_lock(ACKNOWLEDGING, func.hashtext(f"{user_id} {device}")))
    )
    seq = min(seq, heads([user_id])[user_id])
    reached = func.coalesce(func.max(Acknowledgement.to_seq), 0)
    mine = (Acknowledgement.user_id == user_id, Acknowledgement.device == device)
    cursor = db.session.scalar(select(reached).where(*mine)) or 0
    if seq <= cursor:
        return
    row = insert(Acknowledgement).values(
        user_id=user_id, device=device, from_seq=cursor + 1, to_seq=seq
    )
    db.session.execute(row.on_conflict_do_nothing())


def forget_acknowledgements(keep: timedelta, limit: int) -> None:
    """Delete acknowledgements, any user's, that are older than `keep`."""
    key = (Acknowledgement.user_id, Acknowledgement.device, Acknowledgement.to_seq)
    old = select(*key).where(Acknowledgement.at < func.now() - keep)
    old = old.limit(limit).with_for_update(skip_locked=True)
    db.session.execute(delete(Acknowledgement).where(tuple_(*key).in_(old)))


def acknowledgements(notification: Notification) -> Sequence[Acknowledgement]:
    """Which devices have passed this notification, and when."""
    wanted = select(Acknowledgement).where(
        Acknowledgement.user_id == notification.user_id,
        Acknowledgement.from_seq <= notification.seq,
        Acknowledgement.to_seq >= notification.seq,
    )
    return db.session.scalars(wanted.order_by(Acknowledgement.at)).all()


def erase_expired(limit: int) -> int:
    """Empty expired notifications, any user's; the numbered row stays as a tombstone.

    Returns:
        How many were emptied.
    """
    expired = select(Notification.id).where(
        Notification.expires_at < func.now(), Notification.hidden_at.is_(None)
    )
    erasing = update(Notification).where(
        Notification.id.in_(expired.limit(limit).with_for_update(skip_locked=True))
    )
    erased = erasing.values(title="", body="", data={}, hidden_at=func.now())
    return len(db.session.scalars(erased.returning(Notification.id)).all())


def _unread(user_id: UUID) -> tuple[ColumnElement[bool], ...]:
    return (
        Notification.user_id == user_id,
        Notification.read_at.is_(None),
        Notification.hidden_at.is_(None),
    )
