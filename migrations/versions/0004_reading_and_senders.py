"""How far each user has read, and who sent a notification.

Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

USERS_AT_ONCE = 500
READ_SO_FAR = """
SELECT user_id, (
  SELECT max(seq) FROM notifications
  WHERE notifications.user_id = inboxes.user_id AND read_at IS NOT NULL
) AS seq
FROM inboxes WHERE CAST(:after AS uuid) IS NULL OR user_id > :after
ORDER BY user_id LIMIT :most
"""
# The new version may have gone further meanwhile.
NOTE = "UPDATE inboxes SET read_seq = greatest(read_seq, :seq) WHERE user_id = :user_id"
INDEX = "ix_notifications_sender"


def upgrade() -> None:
    """Apply, while the version before runs; can be given again after it was cut off.

    The columns are there at once; the version before, which does not know them, goes on adding
    inboxes and notifications. How far each user has read is looked up a few hundred users at a time
    and noted one by one, so that no inbox stays locked. What the version before marks as read
    meanwhile is counted as read, and noted with the user's next mark.
    """
    op.execute("ALTER TABLE inboxes ADD COLUMN IF NOT EXISTS read_seq bigint NOT NULL DEFAULT 0")
    op.execute(
        "ALTER TABLE notifications ADD COLUMN IF NOT EXISTS sender_id uuid"
        " CONSTRAINT fk_notifications_sender_id REFERENCES users (id) ON DELETE SET NULL"
    )
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        _note_what_was_read()
        _build_index()
        op.execute("RESET lock_timeout")


def downgrade() -> None:
    """Undo."""
    op.drop_index(INDEX, "notifications")
    op.drop_column("notifications", "sender_id")
    op.drop_column("inboxes", "read_seq")


def _note_what_was_read() -> None:
    connection, after = op.get_bind(), None
    while True:
        values = {"after": after, "most": USERS_AT_ONCE}
        found = connection.execute(sa.text(READ_SO_FAR), values).all()
        for user_id, seq in found:
            if seq is not None:
                connection.execute(sa.text(NOTE), {"user_id": user_id, "seq": seq})
        if len(found) < USERS_AT_ONCE:
            return
        after = found[-1].user_id


def _build_index() -> None:
    """Build it while others write; what is left of one that was cut off goes first."""
    invalid = sa.text(
        "SELECT FROM pg_index WHERE indexrelid = to_regclass(:name) AND NOT indisvalid"
    )
    if op.get_bind().execute(invalid, {"name": INDEX}).first() is not None:
        op.drop_index(INDEX, "notifications", postgresql_concurrently=True)
    op.create_index(
        INDEX,
        "notifications",
        ["sender_id"],
        if_not_exists=True,
        postgresql_where=sa.text("sender_id IS NOT NULL"),
        postgresql_concurrently=True,
    )
