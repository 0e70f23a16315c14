"""A real, small `JobContext`: remembers progress, writes files into a `LocalArtifactStore`,
reads from a database and sends mail if it is given one to do so."""

import errno
import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast
from uuid import UUID, uuid4

from app.artifacts.local import LocalArtifactStore
from app.artifacts.store import StoredFile
from app.delivery.mail import Letter, Mailer
from app.errors import JobCancelled, JobFailed
from app.job_types.base import Mail, UploadedFile
from app.jobs.reading import OwnRows


class RecordingContext:
    """See `app.job_types.base.JobContext`.

    Args:
        folder: of the artifact store.
        cancel_at: the progress call, counted from 1, that says the owner cancelled.
        disk_bytes: how much can be written before the disk is full.
        own_rows: of the user whose job it is; without it, nothing can be read.
        mailer: sends mail; without it, none can be sent.
    """

    def __init__(
        self,
        folder: Path,
        *,
        cancel_at: int | None = None,
        disk_bytes: int | None = None,
        own_rows: OwnRows | None = None,
        mailer: Mailer | None = None,
    ) -> None:
        self.store = LocalArtifactStore(folder)
        self.reports: list[tuple[float, str]] = []
        self.stored: StoredFile | None = None
        self.uploads: dict[UUID, UploadedFile] = {}
        self._job_id = uuid4()
        self._cancel_at, self._disk_bytes = cancel_at, disk_bytes
        self._own_rows, self._mailer = own_rows, mailer

    @property
    def job_id(self) -> UUID:
        return self._job_id

    @property
    def attempt(self) -> int:
        return 1

    def progress(self, fraction: float, message: str = "") -> None:
        self.reports.append((fraction, message))
        if len(self.reports) == self._cancel_at:
            raise JobCancelled("Its owner cancelled it.")

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Iterator[Any]:
        assert self._own_rows is not None, "this context was given no database"
        return self._own_rows.read(sql, parameters)

    @contextmanager
    def artifact(self, name: str, media_type: str) -> Iterator[BinaryIO]:
        assert self.stored is None, "a job has one result file"
        with self.store.write(self._job_id, 1, name, media_type) as writing:
            full = self._disk_bytes
            yield writing.file if full is None else cast(BinaryIO, _Full(writing.file, full))
        self.stored = writing.stored

    def mail(self, mail: Mail) -> Mapping[str, str]:
        assert self._mailer is not None, "this context was given no mailer"
        return self._mailer.send(Letter(self._job_id, mail.to, mail.subject, mail.text, mail.html))

    def upload(self, upload_id: UUID) -> UploadedFile:
        if upload_id not in self.uploads:
            raise JobFailed("The upload is no longer kept.", code="upload_not_found")
        return self.uploads[upload_id]

    def path(self) -> Path:
        """The file that was written."""
        assert self.stored is not None
        return self.store.path(self.stored.key)

    def files(self) -> list[Path]:
        """All files in the store, complete or not."""
        return [path for path in self.store.root.rglob("*") if path.is_file()]


class _Full(io.BufferedIOBase):
    """A file on a disk that fills up."""

    def __init__(self, file: BinaryIO, room: int) -> None:
        self._file, self._room = file, room

    def write(self, data: Any) -> int:
        self._room -= len(data)
        if self._room < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self._file.write(data)

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()
