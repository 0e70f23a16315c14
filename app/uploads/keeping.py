"""Taking in a file that a user sends, and giving it up again."""

import threading
from datetime import timedelta
from functools import partial
from pathlib import PurePosixPath
from typing import BinaryIO
from uuid import UUID

from sqlalchemy import delete, func, select

from app.artifacts.store import ArtifactStore, StoredFile, store_failure
from app.config import Settings
from app.errors import AppError
from app.extensions import db, new_id, transaction
from app.observability import get_logger
from app.services import services
from app.uploads.inspection import media_type_of
from app.uploads.models import Upload
from app.uploads.packages import Limits
from app.uploads.queries import get
from app.uploads.share import not_now, require_share, too_large

log = get_logger(__name__)

# First key of the advisory lock; the second is a hash of the user.
UPLOADS_LOCK = 0x55504C44
# The name in the store, whatever the client calls the file. No other claim of an upload follows.
STORED_NAME, FENCE = "upload", 0
MAX_NAME_BYTES = 150

_CHUNK = 1 << 20
# Real threads are few, and passwords need them, too.
_checking = threading.BoundedSemaphore(2)


def keep(user_id: UUID, name: str, source: BinaryIO) -> Upload:
    """Take a file in: it is checked, stored and complete, or nothing of it is left.

    Args:
        name: what its sender calls it; only shown, and cleaned for that.
        source: its content, from its beginning; read by another thread.

    Raises:
        UploadRefused: it is nothing that is taken.
        TooLarge: `upload_too_large`.
        Conflict: `uploads_full`, the user has as much as one user may.
        ServerBusy: `storage_full`, `storage_unavailable`.
    """
    given, upload_id = services(), new_id()
    try:
        with _checking:
            storing = partial(_store, given.uploads, upload_id, source, given.settings)
            stored = given.offload(storing)
    except BaseException:
        given.offload(_discard, given.uploads, upload_id)
        raise
    try:
        return _enter(user_id, upload_id, cleaned(name), stored)
    except AppError:
        given.offload(_discard, given.uploads, upload_id)
        raise
    # Anything else may have come after a commit whose answer was lost: then the row has its file.
    # Else the file is an orphan, and goes as such.


def _store(
    store: ArtifactStore, upload_id: UUID, source: BinaryIO, settings: Settings
) -> StoredFile:
    """In a real thread: copy, look through, publish. Without the app's context."""
    limits = Limits(settings.max_unpacked_bytes, settings.max_unpacked_entries)
    media_type = "application/octet-stream"
    try:
        with store.write(upload_id, FENCE, STORED_NAME, media_type) as writing:
            _copy(source, writing.file, settings.max_upload_bytes)
            media_type = media_type_of(writing.file, limits)
    except OSError as error:
        raise not_now(store_failure(error).code, error) from error
    except AppError as error:
        if error.retryable:  # the store's own
            raise not_now(error.code, error) from error
        raise
    stored = writing.stored
    return StoredFile(stored.key, stored.name, media_type, stored.size, stored.sha256)


def _copy(source: BinaryIO, target: BinaryIO, most: int) -> None:
    size = 0
    for chunk in iter(partial(source.read, _CHUNK), b""):
        size += len(chunk)
        if size > most:
            raise too_large(most)
        target.write(chunk)
    target.flush()


def _enter(user_id: UUID, upload_id: UUID, name: str, stored: StoredFile) -> Upload:
    """Write the row, if the user's share permits; two at once are counted one after the other."""
    settings = services().settings
    with transaction() as session:
        session.execute(
            select(func.pg_advisory_xact_lock(UPLOADS_LOCK, func.hashtext(str(user_id))))
        )
        require_share(user_id, stored.size)
        upload = Upload(
            id=upload_id,
            user_id=user_id,
            name=name,
            media_type=stored.media_type,
            size=stored.size,
            sha256=stored.sha256,
            storage_key=stored.key,
            expires_at=func.now() + timedelta(days=settings.upload_days),
        )
        session.add(upload)
        session.flush()
        session.refresh(upload)
    return upload


def give_up(user_id: UUID, upload_id: UUID) -> None:
    """Delete the user's upload; a job that has opened it reads on.

    Raises:
        NotFound: `upload_not_found`.
    """
    with transaction() as session:
        get(user_id, upload_id)
        session.execute(delete(Upload).where(Upload.id == upload_id, Upload.user_id == user_id))
    services().offload(_discard, services().uploads, upload_id)


def expire(most: int) -> int:
    """Delete uploads that were kept long enough; returns how many, at most `most`."""
    due = select(Upload.id).where(Upload.expires_at < func.now()).order_by(Upload.expires_at)
    due = due.limit(most).with_for_update(skip_locked=True)
    with transaction() as session:
        gone = session.scalars(delete(Upload).where(Upload.id.in_(due)).returning(Upload.id)).all()
    for upload_id in gone:
        _discard(services().uploads, upload_id)
    return len(gone)


def keys_among(keys: list[str]) -> set[str]:
    """Those of the store's keys that an upload has."""
    return set(
        db.session.scalars(select(Upload.storage_key).where(Upload.storage_key.in_(keys))).all()
    )


def _discard(store: ArtifactStore, upload_id: UUID) -> None:
    """Remove the files of an upload without a row; what stays is an orphan, and goes as such."""
    try:
        store.discard(upload_id, FENCE)
    except OSError as error:
        log.warning("upload not removed, left to the sweep", reason=str(error))


def cleaned(name: str) -> str:
    """A name that can be shown, and be that of a file: no path, nothing unprintable, not too long."""
    last = PurePosixPath(name.replace("\\", "/")).name
    plain = "".join(each for each in last if each.isprintable() and each not in '<>:"|?*')
    short = plain.encode(errors="ignore")[:MAX_NAME_BYTES].decode(errors="ignore")
    return short.strip(". ") or "upload"
