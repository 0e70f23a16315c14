"""Uploaded files, schedules, roles that the application names, and indexes for everybody's jobs.

Revises: 0004
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
ROLE = "ck_users_role"
TYPE_INDEX = "ix_jobs_type"
FAILED_INDEX = "ix_jobs_failed"
FAILED = "state IN ('failed','cancelled')"


def upgrade() -> None:
    """Apply, while the version before runs; can be given again after it was cut off.

    The version before knows none of what is added. The indexes take time in proportion to the number
    of jobs, hold up nobody, and wait until transactions that were under way have ended.
    """
    op.drop_constraint(ROLE, "users", if_exists=True)
    _uploads()
    _schedules()
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        _build_index(TYPE_INDEX, ["type", "id"])
        _build_index(FAILED_INDEX, ["state", "id"], FAILED)
        op.execute("RESET lock_timeout")


def downgrade() -> None:
    """Undo; whoever has a role that is no more becomes an ordinary user."""
    op.drop_index(FAILED_INDEX, "jobs")
    op.drop_index(TYPE_INDEX, "jobs")
    op.drop_table("schedules")
    op.drop_table("uploads")
    op.execute("UPDATE users SET role = 'user' WHERE role NOT IN ('admin', 'user')")
    op.create_check_constraint("role", "users", "role IN ('admin', 'user')")


def _uploads() -> None:
    op.create_table(
        "uploads",
        sa.Column("id", sa.Uuid(), nullable=False),
        _owner("uploads"),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("storage_key", sa.Text(), nullable=False),
        sa.Column("created_at", TIME, server_default=sa.func.now(), nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_uploads"),
        sa.UniqueConstraint("storage_key", name="uq_uploads_storage_key"),
        if_not_exists=True,
    )
    _index("ix_uploads_owner", "uploads", ["user_id", "id"])
    _index("ix_uploads_expiry", "uploads", ["expires_at"])


def _schedules() -> None:
    op.create_table(
        "schedules",
        sa.Column("id", sa.Uuid(), nullable=False),
        _owner("schedules"),
        sa.Column("system_key", sa.Text()),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("params", JSONB(), nullable=False),
        sa.Column("cron", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("overlap", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("paused_reason", sa.Text()),
        sa.Column("next_run_at", TIME),
        sa.Column("last_tick_at", TIME),
        sa.Column("created_at", TIME, server_default=sa.func.now(), nullable=False),
        sa.CheckConstraint("overlap IN ('skip','queue','cancel')", name="overlap"),
        sa.PrimaryKeyConstraint("id", name="pk_schedules"),
        if_not_exists=True,
    )
    _index("ix_schedules_owner", "schedules", ["user_id", "id"])
    due = {"postgresql_where": sa.text("enabled")}
    _index("ix_schedules_due", "schedules", ["next_run_at"], **due)
    system = {"postgresql_where": sa.text("system_key IS NOT NULL")}
    _index("uq_schedules_system_key", "schedules", ["system_key"], unique=True, **system)


def _owner(table: str) -> "sa.Column[Any]":
    owner = sa.ForeignKey("users.id", name=f"fk_{table}_user_id", ondelete="CASCADE")
    return sa.Column("user_id", sa.Uuid(), owner, nullable=False)


def _index(name: str, table: str, columns: list[str], **options: Any) -> None:
    op.create_index(name, table, columns, if_not_exists=True, **options)


def _build_index(name: str, columns: list[str], where: str | None = None) -> None:
    """Build it while others write; what is left of one that was cut off goes first."""
    invalid = sa.text(
        "SELECT FROM pg_index WHERE indexrelid = to_regclass(:name) AND NOT indisvalid"
    )
    if op.get_bind().execute(invalid, {"name": name}).first() is not None:
        op.drop_index(name, "jobs", postgresql_concurrently=True)
    condition = {} if where is None else {"postgresql_where": sa.text(where)}
    _index(name, "jobs", columns, postgresql_concurrently=True, **condition)
