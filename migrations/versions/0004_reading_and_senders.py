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
SENDER_INDEX = "ix_notifications_sender"
UNREAD_INDEX = "ix_notifications_unread_seq"
FORMER_UNREAD_INDEX = "ix_notifications_unread"
UNREAD = "read_at IS NULL AND hidden_at IS NULL"


def upgrade() -> None:
    """Apply, while the version before runs; can be given again after it was cut off.

    The columns are there at once; the version before, which does not know them, goes on adding
    inboxes and notifications. How far each user has read is looked up a few hundred users at a time
    and noted one by one, so that no inbox stays locked. What the version before marks as read
    meanwhile is counted as read, and noted with the user's next mark.
    """
    # Each statement by itself: nothing stays locked while the next one waits for its table.
    with op.get_context().autocommit_block():
        op.execute(
            "ALTER TABLE inboxes ADD COLUMN IF NOT EXISTS read_seq bigint NOT NULL DEFAULT 0"
        )
        op.execute(
            "ALTER TABLE notifications ADD COLUMN IF NOT EXISTS sender_id uuid"
            " CONSTRAINT fk_notifications_sender_id REFERENCES users (id) ON DELETE SET NULL"
        )
        op.execute("SET lock_timeout = 0")
        _note_what_was_read()
        _build_indexes()
        op.execute("RESET lock_timeout")


def downgrade() -> None:
    """Undo."""
    op.create_index(
        FORMER_UNREAD_INDEX, "notifications", ["user_id"], postgresql_where=sa.text(UNREAD)
    )
    op.drop_index(UNREAD_INDEX, "notifications")
    op.drop_index(SENDER_INDEX, "notifications")
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


def _build_indexes() -> None:
    _build_index(SENDER_INDEX, ["sender_id"], "sender_id IS NOT NULL")
    # Marking goes through the numbers; the index so far leads to all unread ones of a user at once.
    _build_index(UNREAD_INDEX, ["user_id", "seq"], UNREAD)
    op.drop_index(
        FORMER_UNREAD_INDEX, "notifications", postgresql_concurrently=True, if_exists=True
    )


def _build_index(name: str, columns: list[str], where: str) -> None:
    """Build it while others write; what is left of one that was cut off goes first."""
    invalid = sa.text(
        "SELECT FROM pg_index WHERE indexrelid = to_regclass(:name) AND NOT indisvalid"
    )
    if op.get_bind().execute(invalid, {"name": name}).first() is not None:
        op.drop_index(name, "notifications", postgresql_concurrently=True)
    op.create_index(
        name,
        "notifications",
        columns,
        if_not_exists=True,
        postgresql_where=sa.text(where),
        postgresql_concurrently=True,
    )
