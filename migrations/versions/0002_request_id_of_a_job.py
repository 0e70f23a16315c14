"""Jobs know the request that submitted them, so that one search finds it in all logs.

Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply; at once, however many jobs there are."""
    op.add_column("jobs", sa.Column("request_id", sa.Text(), nullable=True))


def downgrade() -> None:
    """Undo."""
    op.drop_column("jobs", "request_id")
