"""Uploaded files, schedules, and roles that the application names.

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


def upgrade() -> None:
    """Apply, while the version before runs: it knows none of what is added."""
    op.drop_constraint(ROLE, "users")
    _uploads()
    _schedules()


def downgrade() -> None:
    """Undo; whoever has a role that is no more becomes an ordinary user."""
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
    )
    op.create_index("ix_uploads_owner", "uploads", ["user_id", "id"])
    op.create_index("ix_uploads_expiry", "uploads", ["expires_at"])


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
    )
    op.create_index("ix_schedules_owner", "schedules", ["user_id", "id"])
    due = {"postgresql_where": sa.text("enabled")}
    op.create_index("ix_schedules_due", "schedules", ["next_run_at"], **due)
    system = {"postgresql_where": sa.text("system_key IS NOT NULL")}
    op.create_index("uq_schedules_system_key", "schedules", ["system_key"], unique=True, **system)


def _owner(table: str) -> "sa.Column[Any]":
    owner = sa.ForeignKey("users.id", name=f"fk_{table}_user_id", ondelete="CASCADE")
    return sa.Column("user_id", sa.Uuid(), owner, nullable=False)
