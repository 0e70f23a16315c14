"""Reading uploads. The owner stands in every query, so another user's file does not exist."""

from uuid import UUID

from sqlalchemy import func, select

from app.extensions import db
from app.uploads.models import Upload


def find(user_id: UUID, upload_id: UUID) -> Upload | None:
    """The user's upload, while it is kept."""
    wanted = select(Upload).where(
        Upload.id == upload_id, Upload.user_id == user_id, Upload.expires_at > func.now()
    )
    return db.session.scalar(wanted)
