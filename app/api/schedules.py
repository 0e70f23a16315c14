"""`/v1/schedules`: jobs that start by themselves."""

from operator import itemgetter
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import url_for

from app.accounts.permissions import Permission
from app.api import guards
from app.api.job_answers import STARTED
from app.api.job_schemas import JobOut, KeyIn
from app.api.jobs import Answer, started
from app.api.paging import decode_cursor, page_of
from app.api.schedule_schemas import (
    ScheduleIn,
    ScheduleOut,
    SchedulePageOut,
    SchedulePatch,
    SchedulesQuery,
)
from app.extensions import transaction
from app.schedules import queries, service
from app.schedules.models import Schedule
from app.schedules.view import listed_views, schedule_view

blueprint = APIBlueprint("schedules", __name__, url_prefix="/v1/schedules", tag="Schedules")


@blueprint.get("")
@guards.signed_in
@blueprint.input(SchedulesQuery, location="query")
@blueprint.output(SchedulePageOut)
@blueprint.doc(responses=[403])
def list_schedules(query_data: SchedulesQuery) -> dict[str, Any]:
    """The caller's schedules, or those of others, newest first.

    Large `params` are left out: see `shortened`.
    """
    whose = guards.whose(query_data.user_id, Permission.SCHEDULES_READ_ANY)
    before = decode_cursor(query_data.cursor, UUID)
    with transaction():
        rows = queries.list_schedules(whose, before, query_data.limit + 1)
        now = queries.database_time()
    return page_of(listed_views(rows, now), query_data.limit, dict, itemgetter("id"))


@blueprint.post("")
@guards.signed_in
@blueprint.input(ScheduleIn)
@blueprint.output(ScheduleOut, status_code=201)
@blueprint.doc(summary="Add a schedule", responses=[403, 409])
def add_schedule(json_data: ScheduleIn) -> Answer:
    """Add a schedule.

    From its next tick on, it starts a job of the caller at each. Refused like the job itself if its type or
    parameters are wrong; 409 (`schedules_full`) if the caller has as many as are permitted.
    """
    plan = service.Plan(**dict(json_data))
    schedule = service.create(guards.identity().user_id, plan)
    location = url_for("schedules.show_schedule", schedule_id=schedule.id)
    return _shown(schedule), 201, {"Location": location}


@blueprint.get("/<uuid:schedule_id>")
@guards.signed_in
@blueprint.output(ScheduleOut)
def show_schedule(schedule_id: UUID) -> dict[str, Any]:
    """One schedule of the caller."""
    return _shown(queries.get(guards.identity().user_id, schedule_id))


@blueprint.patch("/<uuid:schedule_id>")
@guards.signed_in
@blueprint.input(SchedulePatch)
@blueprint.output(ScheduleOut)
@blueprint.doc(summary="Change, pause or resume a schedule", responses=[403])
def change_schedule(schedule_id: UUID, json_data: SchedulePatch) -> dict[str, Any]:
    """Change some fields.

    `enabled` pauses and resumes. One that is resumed goes on with its next tick from now.
    """
    return _shown(service.change(guards.identity().user_id, schedule_id, json_data.changes()))


@blueprint.delete("/<uuid:schedule_id>")
@guards.signed_in
@blueprint.output({}, status_code=204)
def delete_schedule(schedule_id: UUID) -> str:
    """Delete a schedule; its jobs stay."""
    service.delete(guards.identity().user_id, schedule_id)
    return ""


@blueprint.post("/<uuid:schedule_id>/run")
@guards.signed_in
@blueprint.input(KeyIn, location="headers")
@blueprint.output(JobOut, status_code=202)
@blueprint.doc(summary="Run a schedule now", responses=STARTED | {403: "See `POST /v1/jobs`."})
def run_schedule(schedule_id: UUID, headers_data: KeyIn) -> Answer:
    """Start the schedule's job at once.

    Also while it is paused, or while an earlier job has not ended. Its next tick stays as it is.
    """
    caller, key = guards.identity().user_id, headers_data.idempotency_key
    return started(service.run_now(caller, schedule_id, key=key))


def _shown(schedule: Schedule) -> dict[str, Any]:
    """As it is answered; holds no connection while its next runs are looked for."""
    with transaction():  # it ends the one that read the schedule, too
        now = queries.database_time()
    return schedule_view(schedule, now)
