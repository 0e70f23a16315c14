"""Shapes of jobs: what comes in and goes out at `app.api.jobs`."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator

from app.api.schemas import In, Out, PageIn, TimeIn
from app.job_types.excel_test import ExcelTestParameters
from app.job_types.json_values import mended

TypeName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$", examples=["excel_test"])]


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


class JobIn(In):
    """What to run."""

    type: TypeName
    params: dict[str, Any] = Field(
        {},
        description="In its texts, a NUL and half of a surrogate pair become U+FFFD.",
        examples=[{"rows": 1000}],
    )

    @model_validator(mode="before")
    @classmethod
    def _mend_params(cls, data: Any) -> Any:
        """Job parameters may hold any text; everywhere else such text is refused."""
        if isinstance(data, dict) and "params" in data:
            return data | {"params": mended(data["params"])}
        return data


class ExcelTestIn(ExcelTestParameters):
    """The parameters of `excel_test`."""

    _mend = model_validator(mode="before")(mended)


class JobsQuery(PageIn):
    """Which jobs to list."""

    state: Literal["waiting", "queued", "running", "succeeded", "failed", "cancelled"] | None = None
    type: TypeName | None = None
    since: TimeIn | None = Field(None, description="Accepted at or after this time.")
    until: TimeIn | None = Field(None, description="Accepted before this time.")


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
    type: str
    params: dict[str, Any]
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
    error: JobErrorOut | None
    artifact: ArtifactOut | None
    follows: UUID | None


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
