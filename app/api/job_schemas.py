"""Shapes of jobs: what comes in and goes out at `app.api.jobs`."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from app.api.schemas import In, Out, PageIn, TimeIn
from app.api.waiting import LONGEST_SECONDS
from app.job_types.excel_test import ExcelTestParameters
from app.job_types.json_values import is_long, mended
from app.services import run_here, services

TypeName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$", examples=["excel_test"])]

ANY: Literal["any"] = "any"
_SHORTENED = (
    "Only in lists and events: what of `params` and `result` is longer than 8 KiB is null. "
    "The job itself, asked for by its id, has it."
)
_MENDED = "In its texts, a NUL and half of a surrogate pair become U+FFFD."


def _user_or_any(value: Any) -> Any:
    """One complaint rather than one for each of the two things that it could be."""
    if value == ANY or isinstance(value, UUID):
        return value
    try:
        return UUID(value)
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError("Input should be the id of a user, or `any`") from error


WhoseIn = Annotated[UUID | Literal["any"], BeforeValidator(_user_or_any)]


class KeyIn(In):
    """The headers of a request that starts a job."""

    model_config = ConfigDict(extra="ignore")

    idempotency_key: str | None = Field(
        None,
        min_length=1,
        max_length=255,
        description="Made by the caller, new for each job that is wanted. Sent again with the same "
        "body, it gives the first job (200) rather than a second one.",
    )


def _mended(value: Any) -> Any:
    """Where there is an event loop, it goes on while long parameters are mended."""
    call = services().offload if is_long(value) else run_here
    return call(mended, value)


class WithParams(In):
    """Base of what comes in with parameters of a job."""

    @model_validator(mode="before")
    @classmethod
    def _mend_params(cls, data: Any) -> Any:
        """Job parameters may hold any text; everywhere else such text is refused."""
        if isinstance(data, dict) and "params" in data:
            return data | {"params": _mended(data["params"])}
        return data


class JobIn(WithParams):
    """What to run."""

    type: TypeName
    params: dict[str, Any] = Field({}, description=_MENDED, examples=[{"rows": 1000}])


class RetryIn(WithParams):
    """What to change; the body may be left out."""

    params: dict[str, Any] | None = Field(
        None,
        description="All parameters of the new job, in place of the old one's. " + _MENDED,
        examples=[{"rows": 2000}],
    )


class ExcelTestIn(ExcelTestParameters):
    """The parameters of `excel_test`."""

    _mend = model_validator(mode="before")(_mended)


class JobsQuery(PageIn):
    """Which jobs to list."""

    state: Literal["waiting", "queued", "running", "succeeded", "failed", "cancelled"] | None = None
    type: TypeName | None = None
    since: TimeIn | None = Field(None, description="Accepted at or after this time.")
    until: TimeIn | None = Field(None, description="Accepted before this time.")
    schedule_id: UUID | None = Field(None, description="Made by this schedule.")
    user_id: WhoseIn | None = Field(
        None,
        description="Whose; the caller's own when left out. `any` is everybody's; it, and anybody "
        "else's, takes the permission `jobs.read_any`.",
    )


class JobQuery(In):
    """When to show a job."""

    wait: int = Field(
        0,
        ge=0,
        le=LONGEST_SECONDS,
        description="Seconds to wait for news of it. With `If-None-Match`: until it has changed; "
        "without: until it has ended. When the time is over, it is answered as it is.",
    )


class KnownIn(In):
    """What of a job the caller knows already."""

    model_config = ConfigDict(extra="ignore")

    if_none_match: str | None = Field(
        None, description="`ETag` of an earlier answer; while the job is still that, 304."
    )


class JobErrorOut(Out):
    """Why a job did not succeed."""

    code: str
    message: str | None
    retryable: bool | None


class ArtifactOut(Out):
    """The result file of a job."""

    name: str
    media_type: str
    size: int = Field(description="Bytes.")
    sha256: str
    url: str
    expires_at: datetime
    deleted: bool


class JobOut(Out):
    """A job."""

    id: UUID
    user_id: UUID = Field(description="Its owner.")
    type: str
    params: dict[str, Any] | None
    state: str
    progress: float = Field(description="0 to 1.")
    progress_message: str
    eta_seconds: float | None = Field(description="Estimated time left while it runs.")
    version: int = Field(description="Rises at every change; the latest wins.")
    attempt: int
    max_attempts: int
    cancelling: bool = Field(description="Its owner cancelled it, and its worker is to stop.")
    run_after: datetime | None = Field(description="When it is tried again, while it waits for it.")
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    result: dict[str, Any] | None
    shortened: bool = Field(description=_SHORTENED)
    error: JobErrorOut | None
    artifact: ArtifactOut | None
    follows: UUID | None = Field(description="The job that it repeats.")
    schedule_id: UUID | None = Field(description="The schedule that made it.")


class JobPageOut(Out):
    """A page of jobs, newest first."""

    items: list[JobOut]
    next: str | None


class JobEventOut(Out):
    """One line of a job's log."""

    at: datetime
    event: str
    attempt: int
    message: str
    worker: str | None
    data: dict[str, Any]


class JobEventPageOut(Out):
    """A page of a job's log, oldest first."""

    items: list[JobEventOut]
    next: str | None


class JobTypeOut(Out):
    """A kind of work that can be submitted."""

    name: str
    title: str
    parameters: dict[str, Any] = Field(description="JSON Schema of `params`.")
    example: dict[str, Any]


class JobTypePageOut(Out):
    """The catalogue."""

    items: list[JobTypeOut]
    next: str | None
