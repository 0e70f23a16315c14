"""The numbered inbox: append, read on, acknowledge.

None of these functions commits: the caller's transaction does.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.elements import ColumnElement

from app.errors import NotFound
from app.extensions import db
from app.notifications.models import Acknowledgement, Inbox, Notification

# First key of the advisory lock; the second is a hash of user and device.
ACKNOWLEDGING = 0x41434B
# Of one notification; whoever makes up a new device name for each connection is shown no more.
MAX_ACKNOWLEDGEMENTS_SHOWN = 100


@dataclass(frozen=True)
class Message:
    """What a notification says.

    Attributes:
        type: stable name, for example `job.succeeded`.
        final: whether it tells the end of `job_id`; there is one such per job.
        dedup_key: a second message of this key to the same user is an error.
        sender_id: the user who sends it; none for what the system tells.
    """

    type: str
    title: str
    body: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    job_id: UUID | None = None
    final: bool = False
    dedup_key: str | None = None
    sender_id: UUID | None = None


@dataclass(frozen=True)
class Marks:
    """How far an inbox goes: its highest number, and the highest one marked as read."""

    head: int
    read: int


@dataclass(frozen=True)
class Summary(Marks):
    """The same, and how many are unread, as of one moment."""

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
        sender_id=message.sender_id,
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
    """One notification that the user received or sent; raises `NotFound`."""
    wanted = select(Notification).where(
        Notification.id == notification_id,
        or_(Notification.user_id == user_id, Notification.sender_id == user_id),
    )
    notification = db.session.scalar(wanted)
    if notification is None:
        raise NotFound("There is no such notification.", code="notification_not_found")
    return notification


def marks(user_ids: Iterable[UUID]) -> dict[UUID, Marks]:
    """How far the inbox of each user goes."""
    users = list(user_ids)
    wanted = select(Inbox.user_id, Inbox.head_seq, Inbox.read_seq).where(Inbox.user_id.in_(users))
    return dict.fromkeys(users, Marks(0, 0)) | {
        row.user_id: Marks(row.head_seq, row.read_seq) for row in db.session.execute(wanted)
    }


def summary(user_id: UUID) -> Summary:
    """The state of one inbox."""
    return summaries([user_id]).get(user_id, Summary(0, 0, 0))


def summaries(user_ids: Iterable[UUID]) -> dict[UUID, Summary]:
    """The state of the inboxes of these users; those that are still empty are left out."""
    unread = select(func.count()).where(*unread_of(Inbox.user_id)).correlate(Inbox)
    wanted = select(Inbox.user_id, Inbox.head_seq, Inbox.read_seq, unread.scalar_subquery())
    if not (users := list(user_ids)):
        return {}
    found = db.session.execute(wanted.where(Inbox.user_id.in_(users)))
    return {user_id: Summary(head, read, count) for user_id, head, read, count in found}


def acknowledge(user_id: UUID, device: str, seq: int) -> None:
    """Record that a device's cursor reached `seq`; going back, and numbers not given, are ignored."""
    # Two connections of one device take turns, or their numbers would overlap.
    db.session.execute(
        select(func.pg_advisory_xact_lock(ACKNOWLEDGING, func.hashtext(f"{user_id} {device}")))
    )
    seq = min(seq, marks([user_id])[user_id].head)
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
    """Which devices have passed this notification, and when; the first hundred."""
    wanted = select(Acknowledgement).where(
        Acknowledgement.user_id == notification.user_id,
        Acknowledgement.from_seq <= notification.seq,
        Acknowledgement.to_seq >= notification.seq,
    )
    wanted = wanted.order_by(Acknowledgement.at, Acknowledgement.device)
    return db.session.scalars(wanted.limit(MAX_ACKNOWLEDGEMENTS_SHOWN)).all()


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


def unread_of(user_id: Any) -> tuple[ColumnElement[bool], ...]:
    """What makes a notification of this user, a value or a column, an unread one."""
    return (
        Notification.user_id == user_id,
        Notification.read_at.is_(None),
        Notification.hidden_at.is_(None),
    )
