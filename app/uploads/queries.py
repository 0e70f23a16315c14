"""Reading uploads. The owner stands in every query, so another user's file does not exist."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.exc import DBAPIError

from app.artifacts.store import read_failure
from app.errors import AppError, JobFailed, NotFound
from app.extensions import db, is_away, transaction
from app.job_types.base import UploadedFile
from app.services import services
from app.uploads.models import Upload


def find(user_id: UUID, upload_id: UUID) -> Upload | None:
    """The user's upload, while it is kept."""
    return db.session.scalar(_kept(user_id).where(Upload.id == upload_id))


def get(user_id: UUID, upload_id: UUID) -> Upload:
    """The same; raises `NotFound`."""
    upload = find(user_id, upload_id)
    if upload is None:
        raise NotFound("There is no such upload, or it is no longer kept.", code="upload_not_found")
    return upload


def page(user_id: UUID, before: UUID | None, limit: int) -> Sequence[Upload]:
    """The user's uploads, newest first, at most `limit`, older than the upload `before`."""
    wanted = _kept(user_id)
    if before is not None:
        wanted = wanted.where(Upload.id < before)
    return db.session.scalars(wanted.order_by(Upload.id.desc()).limit(limit)).all()


def share_of(user_id: UUID) -> tuple[int, int]:
    """How many uploads the user has, and how many bytes they take together."""
    kept = _kept(user_id).subquery()
    count, size = db.session.execute(
        select(func.count(), func.coalesce(func.sum(kept.c.size), 0)).select_from(kept)
    ).one()
    return int(count), int(size)


def for_job(user_id: UUID, upload_id: UUID) -> UploadedFile:
    """The user's upload as a job of theirs sees it.

    Raises:
        JobFailed: `upload_not_found`.
        AppError: `database_unavailable`, `storage_unavailable`.
    """
    try:
        with transaction():
            upload = get(user_id, upload_id)
        path = services().uploads.path(upload.storage_key)
    except NotFound as error:
        raise JobFailed(
            "The upload is no longer kept. Upload the file again, and start a new job with its id.",
            code="upload_not_found",
        ) from error
    except DBAPIError as error:
        if not is_away(error):
            raise
        raise AppError(
            "The database did not answer in time. Start the job again.",
            code="database_unavailable",
            retryable=True,
        ) from error
    except OSError as error:
        raise read_failure(error) from error
    return UploadedFile(path, upload.name, upload.media_type, upload.size)


def _kept(user_id: UUID) -> Select[Upload]:
    return select(Upload).where(Upload.user_id == user_id, Upload.expires_at > func.now())
