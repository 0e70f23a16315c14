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
    """Apply, while the version before runs; can be given again after it was cut off.

    The columns are there at once. The rest takes time in proportion to the number of files and
    jobs, holds up nobody, and waits until transactions that were under way have ended.
    """
    op.execute("ALTER TABLE jobs ADD COLUMN IF NOT EXISTS unique_key text")
    op.execute("ALTER TABLE artifacts ADD COLUMN IF NOT EXISTS retry_at timestamptz")
    # Not NOT NULL: the version before, which knows no owner, still adds files meanwhile.
    op.execute(
        "ALTER TABLE artifacts ADD COLUMN IF NOT EXISTS user_id uuid"
        " CONSTRAINT fk_artifacts_user_id REFERENCES users (id) ON DELETE CASCADE"
    )
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        op.execute(
            "UPDATE artifacts SET user_id = jobs.user_id FROM jobs"
            " WHERE jobs.id = artifacts.job_id AND artifacts.user_id IS NULL"
        )
        _indexes()
        op.execute("RESET lock_timeout")


def _indexes() -> None:
    _index("uq_jobs_active", "jobs", ["user_id", "type", "unique_key"], ACTIVE, unique=True)
    queued = ["queue", "priority", "admitted_at", "id"]
    _index("ix_jobs_queued", "jobs", queued, "state = 'queued'")
    _index("ix_jobs_started", "jobs", ["user_id", "started_at"], "started_at IS NOT NULL")
    _index("ix_jobs_follows", "jobs", ["follows"], "follows IS NOT NULL")
    _index("ix_jobs_finished", "jobs", ["finished_at"], "finished_at IS NOT NULL")
    keys = ["idempotency_expires_at"]
    _index("ix_jobs_idempotency_expiry", "jobs", keys, "idempotency_key IS NOT NULL")
    _index("ix_notifications_job", "notifications", ["job_id"], "job_id IS NOT NULL")
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
    """Build an index while others write; what is left of one that was cut off goes first."""
    invalid = sa.text(
        "SELECT FROM pg_index WHERE indexrelid = to_regclass(:name) AND NOT indisvalid"
    )
    if op.get_bind().execute(invalid, {"name": name}).first() is not None:
        op.drop_index(name, table, postgresql_concurrently=True)
    op.create_index(
        name,
        table,
        columns,
        unique=unique,
        if_not_exists=True,
        postgresql_where=sa.text(where),
        postgresql_concurrently=True,
    )
