"""Inbox, notification and acknowledgement."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model, new_id


class Inbox(Model):
    """The row whose lock numbers a user's notifications: commit order is sequence order.

    Attributes:
        head_seq: the highest number given.
        read_seq: the highest number marked as read, never beyond `head_seq`. Every notification up
            to it has `read_at`, unless it was hidden before.
    """

    __tablename__ = "inboxes"

    user_id: Mapped[UUID] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    head_seq: Mapped[int] = mapped_column(BigInteger, default=0)
    read_seq: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))


class Notification(Model):
    """One numbered message to one user.

    `final` marks the one notification that tells a job's end. A row that is hidden or expired keeps
    its number and is delivered as a tombstone, so that the sequence has no gap. `sender_id` is the user
    who sent it through the API; none for what the system tells.
    """

    __tablename__ = "notifications"
    __table_args__ = (
        UniqueConstraint("user_id", "dedup_key"),
        Index("uq_notifications_final_job", "job_id", unique=True, postgresql_where=text("final")),
        Index("ix_notifications_job", "job_id", postgresql_where=text("job_id IS NOT NULL")),
        Index(
            "ix_notifications_unread_seq",
            "user_id",
            "seq",
            postgresql_where=text("read_at IS NULL AND hidden_at IS NULL"),
        ),
        Index("ix_notifications_expiry", "expires_at"),
        Index(
            "ix_notifications_sender", "sender_id", postgresql_where=text("sender_id IS NOT NULL")
        ),
    )

    user_id: Mapped[UUID] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    id: Mapped[UUID] = mapped_column(unique=True, default=new_id)
    type: Mapped[str]
    title: Mapped[str]
    body: Mapped[str] = mapped_column(default="")
    data: Mapped[dict[str, Any]] = mapped_column(default=dict)
    job_id: Mapped[UUID | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"))
    final: Mapped[bool] = mapped_column(default=False)
    dedup_key: Mapped[str | None]
    sender_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    read_at: Mapped[datetime | None]
    hidden_at: Mapped[datetime | None]
    expires_at: Mapped[datetime]


class Acknowledgement(Model):
    """When one device's cursor passed the numbers `from_seq` to `to_seq`."""

    __tablename__ = "acknowledgements"

    user_id: Mapped[UUID] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), primary_key=True
    )
    device: Mapped[str] = mapped_column(primary_key=True)
    to_seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    from_seq: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime] = mapped_column(server_default=func.now())
