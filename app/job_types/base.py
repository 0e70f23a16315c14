"""What a job type is, and what it is given to work with."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, Generic, Literal, Protocol, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

Row = Any
"""A named tuple: `row.state` or `row[0]`.

JSON comes parsed, times are aware and in UTC, ids are `UUID`, `numeric` is `Decimal`.
"""


class Parameters(BaseModel):
    """Base of a type's parameters: unknown names are refused, and so are near-miss types.

    They are read as JSON, so dates, ids and enums come as text. Give each field a description.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


P = TypeVar("P", bound=Parameters)


class Owner(Protocol):
    """Who asks for a job, as a type's `check` sees them."""

    @property
    def email(self) -> str:
        """Their own address."""

    def may_mail(self, address: str) -> bool:
        """Whether the application sends mail to this address for them."""

    def has_upload(self, upload_id: UUID) -> bool:
        """Whether they have uploaded such a file, and it is still kept."""


@dataclass(frozen=True)
class UploadedFile:
    """A file that the job's owner has sent; it was checked when it came.

    Attributes:
        path: where it can be read. Open it once: its owner may delete it, or it may expire, while the job
            runs, and what is open stays readable.
        name: as its owner called it.
        media_type: for example `text/csv`.
        size: bytes.
    """

    path: Path
    name: str
    media_type: str
    size: int


@dataclass(frozen=True)
class Mail:
    """A message.

    Attributes:
        to: addresses.
        text: the body for readers without HTML.
        html: the same as HTML, if there is any.
    """

    to: Sequence[str]
    subject: str
    text: str
    html: str | None = None


@dataclass(frozen=True)
class Timetable:
    """When a type is run by itself, as the system's own user.

    Attributes:
        name: of this timetable among those of the type; stable.
        cron: five fields, as cron reads them.
        time_zone: IANA name.
        parameters: as a client would send them.
        overlap: what is done at a tick while the job before has not ended (see
            `app.schedules.models.Overlap`).
    """

    name: str
    cron: str
    time_zone: str = "UTC"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    overlap: Literal["skip", "queue", "cancel"] = "skip"


class JobContext(Protocol):
    """The world as a running job sees it."""

    @property
    def job_id(self) -> UUID:
        """The job's id."""

    @property
    def attempt(self) -> int:
        """1 at first; higher after a fault."""

    def progress(self, fraction: float, message: str = "") -> None:
        """Tell how far the work is; cheap, so call it often.

        Args:
            fraction: 0.0 to 1.0.
            message: what is being done, for the owner.

        Raises:
            JobCancelled: the owner cancelled; let it pass through.
            JobTimedOut: the soft time limit has passed; let it pass through.
            WorkerStopping: the worker has to stop; let it pass through.
            LeaseLost: this worker no longer holds the job; let it pass through.
        """

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Iterator[Row]:
        """Read what the job's owner owns, and nothing else.

        Whose rows are meant need not be said: these names stand for what is the owner's, and no other
        plain name exists: `users` (one row), `jobs`, `job_events`, `artifacts`, `notifications`. All
        queries of one job see the same state of the database. Rows come in batches, so memory does not
        grow with them.

        Args:
            sql: one `SELECT` of Postgres, with parameters as `:name` (so a literal that would look
                like one has to be a parameter). Never made of what a client sent: a name with its
                schema (`public.jobs`) would reach everybody's rows.
            parameters: their values; lists for `= ANY(:name)`.

        Raises:
            AppError: `database_unavailable`, also while the rows are read; let it pass through.
        """

    def artifact(self, name: str, media_type: str) -> AbstractContextManager[BinaryIO]:
        """Open the job's one result file for writing (seekable, binary).

        It is kept when the block ends normally, and nothing is left when it raises.

        Raises:
            AppError: `artifact_too_large`, `storage_full` or `storage_unavailable`, also from the
                methods of the file; let it pass through.
        """

    def upload(self, upload_id: UUID) -> UploadedFile:
        """A file that the job's owner has uploaded.

        Raises:
            JobFailed: `upload_not_found`, it is no longer kept; let it pass through.
        """

    def mail(self, mail: Mail) -> Mapping[str, str]:
        """Send a message from the sender that the settings name; once a job.

        The type must not be `repeatable`. A job that the mail server turns away for now is tried
        again, so nothing else that must not be done twice comes before.

        Returns:
            The addresses that the mail server refused, each with its words; at least one took it.

        Raises:
            PermissionDenied: the owner may not write to somebody, or no longer; let it pass through.
            JobFailed: it was not sent, and why; let it pass through.
        """


class JobType(ABC, Generic[P]):
    """One kind of work.

    Class attributes:
        name: stable id in the API, snake_case.
        title: for people.
        parameters: the pydantic model of the parameters.
        example: parameters that run in a few seconds at most.
        queue: Celery queue.
        priority: 0 (first) to 9 (last), strictly: while a job of a lower number is queued, none of a
            higher one is begun.
        max_attempts: runs after which a fault ends the job.
        max_active_per_user: queued or running at once for one user; None: no limit of its own.
        soft_seconds: after this long, the work is interrupted with `JobTimedOut`.
        hard_seconds: after this long, its process is ended.
        retry_on: exceptions that are no more than a hiccup: the job is tried again, later and later,
            until `max_attempts`; so is one that raises `JobFailed(…, retryable=True)`.
        repeatable: False if it acts on the outside world, so that a second run would do harm.
        timetables: when it runs by itself; see `Timetable`.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    parameters: ClassVar[type[Parameters]]
    example: ClassVar[Mapping[str, Any]]
    queue: ClassVar[str] = "default"
    priority: ClassVar[int] = 5
    max_attempts: ClassVar[int] = 3
    max_active_per_user: ClassVar[int | None] = None
    soft_seconds: ClassVar[float] = 3600
    hard_seconds: ClassVar[float] = 3660
    retry_on: ClassVar[tuple[type[Exception], ...]] = ()
    repeatable: ClassVar[bool] = True
    timetables: ClassVar[Sequence[Timetable]] = ()

    def check(self, owner: Owner, parameters: P) -> None:
        """Refuse what this owner may not ask for, before the job is accepted.

        Raises:
            InvalidInput: names each field as `params.<path>`.
            PermissionDenied: the owner may not do this at all.
        """

    def unique_key(self, parameters: P) -> str | None:
        """What makes a job one of its kind while it has not ended; None: each is.

        A user who submits a second one of the same key gets the first.
        """
        return None

    @abstractmethod
    def run(self, context: JobContext, parameters: P) -> dict[str, Json]:
        """Do the work.

        Returns:
            A small result for the job's row, JSON values only.

        Raises:
            JobFailed: the reason that the owner reads. Any other exception fails the job too.
        """
