"""The table of schedules."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model, new_id


class Overlap(StrEnum):
    """What is done at a tick while a job of an earlier one has not ended.

    Members:
        SKIP: nothing; the tick is left out.
        QUEUE: the new job is accepted as well, and waits for its turn.
        CANCEL: the earlier one is cancelled, and the new one accepted.
    """

    SKIP = "skip"
    QUEUE = "queue"
    CANCEL = "cancel"


class Schedule(Model):
    """Makes a job at each tick of a cron expression; the job's row names the tick, so it is made once.

    Columns whose meaning is not in their name:
        system_key: of a schedule that a job type declares; names it there.
        paused_reason: why the application itself paused it; None when its owner did.
        next_run_at: the next tick; None while it is paused, unless no beat declared it any more.
        last_tick_at: the newest tick that was dealt with.
    """

    __tablename__ = "schedules"
    __table_args__ = (
        CheckConstraint("overlap IN ('skip','queue','cancel')", name="overlap"),
        Index("ix_schedules_owner", "user_id", "id"),
        Index("ix_schedules_due", "next_run_at", postgresql_where=text("enabled")),
        Index(
            "uq_schedules_system_key",
            "system_key",
            unique=True,
            postgresql_where=text("system_key IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    system_key: Mapped[str | None]
    name: Mapped[str]
    type: Mapped[str]
    params: Mapped[dict[str, Any]]
    cron: Mapped[str]
    time_zone: Mapped[str]
    overlap: Mapped[str] = mapped_column(default=Overlap.SKIP)
    enabled: Mapped[bool] = mapped_column(default=True)
    paused_reason: Mapped[str | None]
    next_run_at: Mapped[datetime | None]
    last_tick_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
