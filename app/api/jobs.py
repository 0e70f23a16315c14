"""`/v1/jobs` and `/v1/job-types`: submit, list, show, log, result."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, send_file, url_for
from pydantic import Field, model_validator

from app.api import guards
from app.api.errors import MEDIA_TYPE
from app.api.paging import decode_cursor, page_of
from app.api.schemas import In, Out, PageIn, TimeIn
from app.job_types.base import JobType
from app.job_types.excel_test import ExcelTest, ExcelTestParameters
from app.job_types.json_values import mended
from app.jobs import queries
from app.jobs.models import Job
from app.jobs.submit import submit
from app.jobs.view import event_view, job_view
from app.services import services

blueprint = APIBlueprint("jobs", __name__, url_prefix="/v1", tag="Jobs")

TypeName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$", examples=["excel_test"])]


_ANYTHING = {"*/*": {"schema": {"type": "string", "format": "binary"}}}
_FILE: Any = {
    200: {"description": "The file", "content": _ANYTHING},
    206: {"description": "A part", "content": _ANYTHING},
    304: {"description": "The caller has it (`If-None-Match`)"},
    412: {"description": "It is another than the caller has (`If-Match`)"},
    416: {"description": "There is no such part", "content": {MEDIA_TYPE: {}}},
}


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


@blueprint.get("/job-types")
@guards.signed_in
@blueprint.output(JobTypePageOut)
def list_job_types() -> dict[str, Any]:
    """The catalogue of job types."""
    return {"items": [_type_view(each) for each in services().job_types], "next": None}


@blueprint.post("/jobs")
@guards.signed_in
@blueprint.input(JobIn)
@blueprint.output(JobOut, status_code=202)
def submit_job(json_data: JobIn) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Start a job; its owner is rung when it is done."""
    return _accepted(submit(guards.identity().user_id, json_data.type, json_data.params))


@blueprint.post("/create_excel_test")
@guards.signed_in
@blueprint.input(ExcelTestIn)
@blueprint.output(JobOut, status_code=202)
def create_excel_test(json_data: ExcelTestIn) -> tuple[dict[str, Any], int, dict[str, str]]:
    """The short form of starting an `excel_test` job; the body may be left out."""
    params = json_data.model_dump(mode="json")
    return _accepted(submit(guards.identity().user_id, ExcelTest.name, params))


@blueprint.get("/jobs")
@guards.signed_in
@blueprint.input(JobsQuery, location="query")
@blueprint.output(JobPageOut)
def list_jobs(query_data: JobsQuery) -> dict[str, Any]:
    """The caller's jobs, newest first."""
    wanted = query_data
    filters = queries.Filters(wanted.state, wanted.type, wanted.since, wanted.until)
    before = decode_cursor(wanted.cursor, UUID)
    rows = queries.list_jobs(guards.identity().user_id, filters, before, wanted.limit + 1)
    return page_of(rows, wanted.limit, lambda row: job_view(*row), lambda row: str(row[0].id))


@blueprint.get("/jobs/<uuid:job_id>")
@guards.signed_in
@blueprint.output(JobOut)
def show_job(job_id: UUID) -> dict[str, Any]:
    """One job of the caller."""
    return job_view(*queries.get_job(guards.identity().user_id, job_id))


@blueprint.get("/jobs/<uuid:job_id>/events")
@guards.signed_in
@blueprint.input(PageIn, location="query")
@blueprint.output(JobEventPageOut)
def list_job_events(job_id: UUID, query_data: PageIn) -> dict[str, Any]:
    """The log of a job: every transition, oldest first."""
    after = decode_cursor(query_data.cursor, int) or 0
    rows = queries.list_events(guards.identity().user_id, job_id, after, query_data.limit + 1)
    return page_of(rows, query_data.limit, event_view, lambda row: str(row.id))


@blueprint.get("/jobs/<uuid:job_id>/result")
@guards.signed_in
@blueprint.doc(summary="Download the result file", responses=_FILE)
def download_result(job_id: UUID) -> Response:
    """The result file, with `Range`, `ETag` and its own name."""
    artifact = queries.get_artifact(guards.identity().user_id, job_id)
    response = send_file(
        services().store.path(artifact.storage_key),
        mimetype=artifact.media_type,
        as_attachment=True,
        download_name=artifact.name,
        etag=artifact.sha256,
        last_modified=artifact.created_at,
        conditional=True,
    )
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def _accepted(job: Job) -> tuple[dict[str, Any], int, dict[str, str]]:
    return job_view(job), 202, {"Location": url_for("jobs.show_job", job_id=job.id)}


def _type_view(job_type: JobType[Any]) -> dict[str, Any]:
    return {
        "name": job_type.name,
        "title": job_type.title,
        "parameters": job_type.parameters.model_json_schema(),
        "example": dict(job_type.example),
    }
