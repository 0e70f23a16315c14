"""What a running job is given to work with."""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, BinaryIO, TypeVar
from uuid import UUID

from sqlalchemy.exc import InterfaceError, OperationalError

from app.artifacts.store import StoredFile, Writing, store_failure
from app.delivery.mail import Letter
from app.errors import JobFailed
from app.extensions import db
from app.job_types.base import Mail, UploadedFile
from app.job_types.recipients import refuse_recipients
from app.jobs.lease import Lease
from app.jobs.models import Job
from app.jobs.owner import JobOwner
from app.jobs.reading import OwnRows
from app.jobs.stopping import stopping
from app.jobs.time_limits import TimeLimits
from app.observability import get_logger
from app.services import services
from app.uploads import queries as uploads

log = get_logger(__name__)

T = TypeVar("T")

# It becomes a column of the database and a header of the download.
MEDIA_TYPE = re.compile(r"[\w.+-]{1,100}/[\w.+-]{1,100}(;[ -~]{1,100})?", re.ASCII)


class RunContext:
    """See `app.job_types.base.JobContext`.

    Attributes:
        stored: the result file, once it is complete.
    """

    def __init__(self, job: Job, lease: Lease, limits: TimeLimits) -> None:
        self.stored: StoredFile | None = None
        self._job, self._lease, self._limits = job, lease, limits
        self._own_rows = OwnRows(db.engine, job.user_id)
        self._process = os.getpid()
        self._store = services().store
        self._mailed = False

    @property
    def job_id(self) -> UUID:
        """See `JobContext.job_id`."""
        return self._job.id

    @property
    def attempt(self) -> int:
        """See `JobContext.attempt`."""
        return self._job.attempt

    def progress(self, fraction: float, message: str = "") -> None:
        """See `JobContext.progress`."""
        self._refuse_copy()
        self._lease.note(fraction, message)

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Iterator[Any]:
        """See `JobContext.rows`."""
        self._refuse_copy()
        with self._limits.held_off():
            return self._own_rows.read(sql, parameters)

    @contextmanager
    def artifact(self, name: str, media_type: str) -> Iterator[BinaryIO]:
        """See `JobContext.artifact`."""
        self._refuse_copy()
        if self.stored is not None:
            raise RuntimeError("A job has one result file; this one wrote a second.")
        if not MEDIA_TYPE.fullmatch(media_type):
            raise ValueError(f"not a media type, such as text/csv: {media_type!r}")
        block = self._store.write(self._job.id, self._job.fence, name, media_type)
        writing = self._by_store(block.__enter__)
        try:
            yield writing.file
        except BaseException as error:
            self.end_copy(1)
            self._abandon(block, error)
            raise
        self.end_copy(0)
        self._by_store(lambda: self._complete(block, writing))

    def mail(self, mail: Mail) -> Mapping[str, str]:
        """See `JobContext.mail`."""
        self._refuse_copy()
        self._refuse_second_mail()
        letter = Letter(self._job.id, mail.to, mail.subject, mail.text, mail.html)
        with self._limits.held_off():
            self._refuse_recipients(mail.to)
            if stopping.overdue():  # nothing is sent yet, so another worker can do it
                raise JobFailed("Its worker had to stop.", code="worker_stopping", retryable=True)
            self._lease.check()  # the last moment to cancel it
            refused = services().mailer.send(letter)
            self._limits.lift_soft()
        return refused

    def upload(self, upload_id: UUID) -> UploadedFile:
        """See `JobContext.upload`."""
        self._refuse_copy()
        with self._limits.held_off():
            return uploads.for_job(self._job.user_id, upload_id)

    def close(self, *, interrupted: bool) -> None:
        """The work is over: read no more.

        Args:
            interrupted: whether it may have been in the middle of reading.
        """
        self._own_rows.close(in_order=not interrupted)

    def discard(self) -> None:
        """Remove the files of work that did not succeed; a failure is left to the sweep."""
        self.stored = None
        try:
            self._store.discard(self._job.id, self._job.fence)
        except OSError as error:
            log.warning("file not removed, left to the sweep", reason=str(error))

    def end_copy(self, status: int) -> None:
        """End this process if the work has made it by `os.fork`, and it now leaves the work.

        It must neither end the job nor touch what the two of them share: connections, files, pipes.
        """
        if os.getpid() != self._process:
            os._exit(status)

    def _refuse_recipients(self, to: Sequence[str]) -> None:
        """Once more: since the job was accepted, its owner may have lost a permission."""
        try:
            refuse_recipients(JobOwner(self._job.user_id), to)
        except (OperationalError, InterfaceError) as error:
            raise JobFailed(
                "The database went away before the mail was sent.",
                code="database_unavailable",
                retryable=True,
            ) from error

    def _refuse_second_mail(self) -> None:
        job_type = services().job_types.get(self._job.type)
        if job_type.repeatable:
            raise RuntimeError("A job type that sends mail must say `repeatable = False`.")
        if self._mailed:
            raise RuntimeError("A job sends one mail; this one was about to send a second.")
        self._mailed = True

    def _refuse_copy(self) -> None:
        if os.getpid() != self._process:
            raise RuntimeError("A copy of the process (os.fork) may not use the job's context.")

    def _by_store(self, step: Callable[[], T]) -> T:
        """A step of the store alone: whole, and with its errors told as such."""
        with self._limits.held_off():
            try:
                return step()
            except FileExistsError:
                raise
            except OSError as error:
                raise store_failure(error) from error

    def _complete(self, block: AbstractContextManager[Writing], writing: Writing) -> None:
        block.__exit__(None, None, None)
        self.stored = writing.stored

    def _abandon(self, block: AbstractContextManager[Writing], error: BaseException) -> None:
        with self._limits.held_off():
            block.__exit__(type(error), error, error.__traceback__)
