"""What one user may upload: how much altogether, and how much at once; and how a refusal is told."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from app.artifacts.store import STORAGE_FULL
from app.errors import Conflict, ServerBusy, TooLarge, TooManyRequests
from app.extensions import transaction
from app.observability import get_logger
from app.services import services
from app.uploads.queries import share_of

log = get_logger(__name__)

AT_ONCE = 4
"""Uploads of one user that one server process takes in at the same time."""
AROUND_BYTES = 16 << 10
"""What a multipart body may have beside the file."""

AT_ONCE_SECONDS, STORE_SECONDS = 5.0, 60.0

_coming: Counter[UUID] = Counter()
_lock = threading.Lock()


@contextmanager
def coming_in(user_id: UUID, body_bytes: int | None) -> Iterator[None]:
    """While a body of the user's is read and checked.

    Its bytes are in the server's folder for temporary files till then: on its disk, or in memory.

    Args:
        body_bytes: its size, if its sender tells.

    Raises:
        TooManyRequests: `too_many_uploads`, at once.
        TooLarge: `upload_too_large`; this and the next by what is known before the body is read.
        Conflict: `uploads_full`.
    """
    _count_in(user_id)
    try:
        with transaction():  # which ends here: the body may come slowly
            require_share(user_id, _at_least(body_bytes))
        yield
    finally:
        _count_out(user_id)


def _at_least(body_bytes: int | None) -> int:
    """Bytes that the file in a body has at least; raises `too_large`."""
    least, most = max((body_bytes or 0) - AROUND_BYTES, 1), services().settings.max_upload_bytes
    if least > most:
        raise too_large(most)
    return least


def _count_in(user_id: UUID) -> None:
    with _lock:
        if _coming[user_id] < AT_ONCE:
            _coming[user_id] += 1
            return
    raise TooManyRequests(
        f"{AT_ONCE} uploads of yours are on their way. Wait until one of them has ended.",
        AT_ONCE_SECONDS,
        code="too_many_uploads",
    )


def _count_out(user_id: UUID) -> None:
    with _lock:
        _coming[user_id] -= 1
        if not _coming[user_id]:
            del _coming[user_id]


def require_share(user_id: UUID, size: int) -> None:
    """Refuse a file of so many bytes if with it the user would have more than one user may.

    Raises:
        Conflict: `uploads_full`.
    """
    settings, (count, taken) = services().settings, share_of(user_id)
    most, most_files = settings.max_upload_bytes_per_user, settings.max_uploads_per_user
    if taken + size > most:
        raise _full(f"Your uploads take {taken:,} of the {most:,} bytes that one user may have.")
    if count >= most_files:
        raise _full(f"You have {count:,} uploads, and one user may have {most_files:,}.")


def _full(reason: str) -> Conflict:
    return Conflict(f"{reason} Delete some, or wait until they expire.", code="uploads_full")


def too_large(most: int) -> TooLarge:
    """The answer to a file, or a body, that is."""
    return TooLarge(
        f"The file is larger than the {most:,} bytes that are taken. Send a part of it.",
        code="upload_too_large",
    )


def not_now(code: str, error: Exception) -> ServerBusy:
    """The answer to whoever sends a file that cannot be stored; the log knows why.

    Args:
        code: `storage_full` or `storage_unavailable`.
    """
    log.warning("upload not stored", code=code, reason=str(error))
    what = "There is no room left for uploads" if code == STORAGE_FULL else "Nothing can be stored"
    return ServerBusy(
        f"{what}. Whoever runs this has to look after the folders of uploads (RINGBACK_UPLOAD_DIR) "
        "and of temporary files (TMPDIR); then send the file again.",
        STORE_SECONDS,
        code=code,
    )
