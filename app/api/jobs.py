"""`/v1/jobs` and `/v1/job-types`: submit, list, show, log, cancel, retry, result."""

from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, send_file, url_for
from werkzeug.http import parse_etags

from app.accounts.permissions import Permission
from app.api import guards, job_reading
from app.api.job_answers import AGAIN_HEADERS, CANCELLED, FILE, RETRIED, SHOWN, STARTED
from app.api.job_schemas import (
    ExcelTestIn,
    JobEventPageOut,
    JobIn,
    JobOut,
    JobPageOut,
    JobQuery,
    JobsQuery,
    JobTypePageOut,
    KeyIn,
    KnownIn,
    RetryIn,
)
from app.api.paging import decode_cursor, page_of
from app.api.schemas import PageIn
from app.job_types.base import JobType
from app.job_types.excel_test import ExcelTest
from app.jobs import queries
from app.jobs.cancel import cancel
from app.jobs.models import FINAL_STATES
from app.jobs.submit import Submitted, repeat, submit
from app.jobs.view import event_view, job_view, listed_view
from app.services import services

blueprint = APIBlueprint("jobs", __name__, url_prefix="/v1", tag="Jobs")

Answer = tuple[dict[str, Any], int, dict[str, str]]


@blueprint.get("/job-types")
@guards.signed_in
@blueprint.output(JobTypePageOut)
def list_job_types() -> dict[str, Any]:
    """The catalogue of job types."""
    return {"items": [_type_view(each) for each in services().job_types], "next": None}


@blueprint.post("/jobs")
@guards.signed_in
@blueprint.input(KeyIn, location="headers")
@blueprint.input(JobIn)
@blueprint.output(JobOut, status_code=202)
@blueprint.doc(responses=STARTED)
def submit_job(headers_data: KeyIn, json_data: JobIn) -> Answer:
    """Start a job; its owner is rung when it is done."""
    key = headers_data.idempotency_key
    return started(submit(guards.identity().user_id, json_data.type, json_data.params, key=key))


@blueprint.post("/create_excel_test")
@guards.signed_in
@blueprint.input(KeyIn, location="headers")
@blueprint.input(ExcelTestIn)
@blueprint.output(JobOut, status_code=202)
@blueprint.doc(responses=STARTED)
def create_excel_test(headers_data: KeyIn, json_data: ExcelTestIn) -> Answer:
    """The short form of starting an `excel_test` job; the body may be left out."""
    key, params = headers_data.idempotency_key, json_data.model_dump(mode="json")
    return started(submit(guards.identity().user_id, ExcelTest.name, params, key=key))


@blueprint.get("/jobs")
@guards.signed_in
@blueprint.input(JobsQuery, location="query")
@blueprint.output(JobPageOut)
@blueprint.doc(responses=[403])
def list_jobs(query_data: JobsQuery) -> dict[str, Any]:
    """The caller's jobs, or those of others, newest first.

    Large `params` and `result` are left out: see `shortened`.
    """
    wanted = query_data
    owner = guards.whose(wanted.user_id, Permission.JOBS_READ_ANY)
    filters = queries.Filters(
        wanted.state, wanted.type, wanted.since, wanted.until, wanted.schedule_id
    )
    before = decode_cursor(wanted.cursor, UUID)
    rows = queries.list_jobs(owner, filters, before, wanted.limit + 1)
    return page_of(rows, wanted.limit, listed_view, lambda row: str(row.job.id))


@blueprint.get("/jobs/<uuid:job_id>")
@guards.signed_in
@blueprint.input(JobQuery, location="query")
@blueprint.input(KnownIn, location="headers")
@blueprint.output(JobOut)
@blueprint.doc(responses=SHOWN)
def show_job(job_id: UUID, query_data: JobQuery, headers_data: KnownIn) -> Answer | Response:
    """One job of the caller, or, with the permission `jobs.read_any`, of anybody.

    With `wait`, a long poll: it is answered when there is news of the job, at the latest after so
    many seconds.
    """
    known = parse_etags(headers_data.if_none_match)
    shown = job_reading.read(guards.identity(), job_id)
    if query_data.wait:
        shown = job_reading.news(shown, known, query_data.wait)
    headers = {"ETag": shown.etag, "Cache-Control": "private, no-cache"}
    if shown.is_known(known):
        return Response(status=304, headers=headers)
    return job_view(shown.job, shown.artifact), 200, headers


@blueprint.get("/jobs/<uuid:job_id>/events")
@guards.signed_in
@blueprint.input(PageIn, location="query")
@blueprint.output(JobEventPageOut)
def list_job_events(job_id: UUID, query_data: PageIn) -> dict[str, Any]:
    """The log of a job: every transition, oldest first."""
    after = decode_cursor(query_data.cursor, int) or 0
    owner = job_reading.whose(guards.identity())
    rows = queries.list_events(owner, job_id, after, query_data.limit + 1)
    return page_of(rows, query_data.limit, event_view, lambda row: str(row.id))


@blueprint.post("/jobs/<uuid:job_id>/cancel")
@guards.signed_in
@blueprint.output(JobOut)
@blueprint.doc(responses=CANCELLED)
def cancel_job(job_id: UUID) -> Answer:
    """End a job before its time.

    One that does not run yet ends at once (200). A running one is told to stop (202), and may still
    succeed if it was just about to.
    """
    job = cancel(guards.identity().user_id, job_id)
    return job_view(job), 200 if job.state in FINAL_STATES else 202, {}


@blueprint.post("/jobs/<uuid:job_id>/retry")
@guards.signed_in
@blueprint.input(KeyIn, location="headers")
@blueprint.input(RetryIn)
@blueprint.output(JobOut, status_code=202)
@blueprint.doc(responses=RETRIED)
def retry_job(job_id: UUID, headers_data: KeyIn, json_data: RetryIn) -> Answer:
    """Start a new job that `follows` one that has ended.

    It has the type of that one, and its parameters, unless the body has others.
    """
    caller, key = guards.identity().user_id, headers_data.idempotency_key
    return started(repeat(caller, job_id, json_data.params, key=key))


@blueprint.get("/jobs/<uuid:job_id>/result")
@guards.signed_in
@blueprint.doc(summary="Download the result file", responses=FILE)
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


def started(submitted: Submitted) -> Answer:
    """202 and the new job, or 200 and the one that was there, with a header that says why."""
    headers = {"Location": url_for("jobs.show_job", job_id=submitted.job.id)}
    if submitted.again is None:
        return job_view(submitted.job), 202, headers
    headers[AGAIN_HEADERS[submitted.again]] = "true"
    return job_view(submitted.job, submitted.artifact), 200, headers


def _type_view(job_type: JobType[Any]) -> dict[str, Any]:
    return {
        "name": job_type.name,
        "title": job_type.title,
        "parameters": job_type.parameters.model_json_schema(),
        "example": dict(job_type.example),
    }
