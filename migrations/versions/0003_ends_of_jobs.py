"""Jobs unique while active, owners of files, and indexes for what expires.

Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ACTIVE = (
    "unique_key IS NOT NULL AND cancel_requested_at IS NULL"
    " AND state IN ('waiting','queued','running')"
)


def upgrade() -> None:
    """Apply; takes time in proportion to the number of files and jobs."""
    op.add_column("jobs", sa.Column("unique_key", sa.Text(), nullable=True))
    _index("uq_jobs_active", "jobs", ["user_id", "type", "unique_key"], ACTIVE, unique=True)
    queued = ["queue", "priority", "admitted_at", "id"]
    _index("ix_jobs_queued", "jobs", queued, "state = 'queued'")
    _index("ix_jobs_started", "jobs", ["user_id", "started_at"], "started_at IS NOT NULL")
    _index("ix_jobs_follows", "jobs", ["follows"], "follows IS NOT NULL")
    _index("ix_jobs_finished", "jobs", ["finished_at"], "finished_at IS NOT NULL")
    _index(
        "ix_jobs_idempotency_expiry",
        "jobs",
        ["idempotency_expires_at"],
        "idempotency_key IS NOT NULL",
    )
    _index("ix_notifications_job", "notifications", ["job_id"], "job_id IS NOT NULL")

    retry_at = sa.Column("retry_at", sa.DateTime(timezone=True), nullable=True)
    op.add_column("artifacts", retry_at)
    op.add_column("artifacts", sa.Column("user_id", sa.Uuid(), nullable=True))
    op.execute(
        "UPDATE artifacts SET user_id = jobs.user_id FROM jobs WHERE jobs.id = artifacts.job_id"
    )
    op.alter_column("artifacts", "user_id", nullable=False)
    op.create_foreign_key(
        op.f("fk_artifacts_user_id"), "artifacts", "users", ["user_id"], ["id"], ondelete="CASCADE"
    )
    _index("ix_artifacts_kept", "artifacts", ["user_id", "created_at"], "deleted_at IS NULL")


def downgrade() -> None:
    """Undo."""
    op.drop_index("ix_artifacts_kept", "artifacts")
    op.drop_column("artifacts", "user_id")
    op.drop_column("artifacts", "retry_at")
    op.drop_index("ix_notifications_job", "notifications")
    for name in (
        "ix_jobs_idempotency_expiry",
        "ix_jobs_finished",
        "ix_jobs_follows",
        "ix_jobs_started",
        "ix_jobs_queued",
        "uq_jobs_active",
    ):
        op.drop_index(name, "jobs")
    op.drop_column("jobs", "unique_key")


def _index(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    op.create_index(name, table, columns, unique=unique, postgresql_where=sa.text(where))
