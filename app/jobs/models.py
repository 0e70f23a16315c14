"""The job and its log."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    SmallInteger,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.extensions import Model, new_id


class JobState(StrEnum):
    """`waiting → queued → running → succeeded | failed | cancelled`; final is final."""

    WAITING = "waiting"
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


FINAL_STATES = (JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED)
ACTIVE_STATES = (JobState.QUEUED, JobState.RUNNING)
UNFINISHED_STATES = (JobState.WAITING, *ACTIVE_STATES)


class Job(Model):
    """Accepted work: the row is the promise.

    Columns whose meaning is not in their name:
        version: rises at every change that a client may see; the latest wins.
        attempt: runs used up by faults, counting the present one; 1 at first.
        fence: rises at every claim; whoever writes as a worker names the fence it claimed.
        dispatched_at, dispatches: when and how often the message was handed to the broker.
        unique_key: of a type whose jobs are unique while active; a hash of what the type says.
        follows: the job that this one repeats.
        request_id: of the request that submitted it; the logs of all processes have it.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        CheckConstraint(
            "state IN ('waiting','queued','running','succeeded','failed','cancelled')", name="state"
        ),
        Index("ix_jobs_owner", "user_id", "id"),
        Index(
            "ix_jobs_unfinished",
            "state",
            "user_id",
            postgresql_where=text("state IN ('waiting','queued','running')"),
        ),
        Index(
            "uq_jobs_idempotency",
            "user_id",
            "idempotency_key",
            unique=True,
            postgresql_where=text("idempotency_key IS NOT NULL"),
        ),
        Index(
            "uq_jobs_active",
            "user_id",
            "type",
            "unique_key",
            unique=True,
            postgresql_where=text(
                "unique_key IS NOT NULL AND cancel_requested_at IS NULL"
                " AND state IN ('waiting','queued','running')"
            ),
        ),
        Index(
            "ix_jobs_queued",
            "queue",
            "priority",
            "admitted_at",
            "id",
            postgresql_where=text("state = 'queued'"),
        ),
        Index(
            "ix_jobs_started",
            "user_id",
            "started_at",
            postgresql_where=text("started_at IS NOT NULL"),
        ),
        # Everybody's jobs, newest first: of one type, and those that did not succeed.
        Index("ix_jobs_type", "type", "id"),
        Index(
            "ix_jobs_failed",
            "state",
            "id",
            postgresql_where=text("state IN ('failed','cancelled')"),
        ),
        Index("ix_jobs_follows", "follows", postgresql_where=text("follows IS NOT NULL")),
        Index("ix_jobs_finished", "finished_at", postgresql_where=text("finished_at IS NOT NULL")),
        Index(
            "ix_jobs_idempotency_expiry",
            "idempotency_expires_at",
            postgresql_where=text("idempotency_key IS NOT NULL"),
        ),
        Index(
            "uq_jobs_schedule_tick",
            "schedule_id",
            "schedule_tick",
            unique=True,
            postgresql_where=text("schedule_id IS NOT NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    type: Mapped[str]
    params: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(default=JobState.WAITING)

    progress: Mapped[float] = mapped_column(default=0.0)
    progress_message: Mapped[str] = mapped_column(default="")
    version: Mapped[int] = mapped_column(default=1)
    attempt: Mapped[int] = mapped_column(default=1)
    max_attempts: Mapped[int]
    fence: Mapped[int] = mapped_column(default=0)
    worker: Mapped[str | None]
    lease_expires_at: Mapped[datetime | None]
    cancel_requested_at: Mapped[datetime | None]

    queue: Mapped[str]
    priority: Mapped[int] = mapped_column(SmallInteger)
    run_after: Mapped[datetime | None]
    admitted_at: Mapped[datetime | None]
    dispatched_at: Mapped[datetime | None]
    dispatches: Mapped[int] = mapped_column(default=0)

    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]

    result: Mapped[dict[str, Any] | None]
    error_code: Mapped[str | None]
    error_message: Mapped[str | None]
    error_retryable: Mapped[bool | None]

    idempotency_key: Mapped[str | None]
    idempotency_hash: Mapped[str | None]
    idempotency_expires_at: Mapped[datetime | None]
    unique_key: Mapped[str | None]
    follows: Mapped[UUID | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"))
    schedule_id: Mapped[UUID | None]
    schedule_tick: Mapped[datetime | None]
    request_id: Mapped[str | None]


class JobEvent(Model):
    """One line of a job's log: a transition or a message, with time and attempt."""

    __tablename__ = "job_events"
    __table_args__ = (Index("ix_job_events_job", "job_id", "id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    attempt: Mapped[int]
    fence: Mapped[int]
    event: Mapped[str]
    message: Mapped[str] = mapped_column(default="")
    worker: Mapped[str | None]
    data: Mapped[dict[str, Any]] = mapped_column(default=dict)
