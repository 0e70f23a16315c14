"""What owners do with their schedules: make, change, delete, run now."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from app.errors import Conflict
from app.extensions import db, transaction
from app.jobs import submit as jobs
from app.jobs.admit import take_turn
from app.schedules import queries
from app.schedules.models import Overlap, Schedule
from app.schedules.timing import Timing
from app.services import services


@dataclass(frozen=True)
class Plan:
    """What is to run, and when; see `app.schedules.models.Schedule`."""

    name: str
    type: str
    params: dict[str, Any]
    cron: str
    time_zone: str
    overlap: Overlap = Overlap.SKIP
    enabled: bool = True


def create(user_id: UUID, plan: Plan) -> Schedule:
    """Add a schedule.

    Raises:
        InvalidInput: the type, its parameters, `cron` or `time_zone` are not acceptable.
        PermissionDenied: the type refuses this user.
        Conflict: `schedules_full`, the user has as many as the settings permit.
    """
    timing = Timing(plan.cron, plan.time_zone)
    jobs.prepare(user_id, plan.type, plan.params)
    schedule = Schedule(user_id=user_id, **asdict(plan))
    with transaction():
        take_turn(user_id)  # else two at once would both be the last one permitted
        _refuse_too_many(user_id)
        if plan.enabled:
            schedule.next_run_at = timing.next(queries.database_time())
        db.session.add(schedule)
    return schedule


def change(user_id: UUID, schedule_id: UUID, changes: Mapping[str, Any]) -> Schedule:
    """Change some of the fields of a `Plan`; what is left out stays.

    One that is enabled again goes on with the next tick from now: what it missed is not made up for.

    Raises:
        NotFound: the user has no such schedule.
        InvalidInput, PermissionDenied: see `create`; whatever is enabled must be able to run.
    """
    with transaction():
        present = queries.get(user_id, schedule_id)
        after = {name: changes.get(name, getattr(present, name)) for name in _CHECKED}
    resumes = changes.get("enabled") is True
    if resumes or {"cron", "time_zone"} & set(changes):
        Timing(after["cron"], after["time_zone"])
    if resumes or {"type", "params"} & set(changes):
        jobs.prepare(user_id, after["type"], after["params"])
    with transaction():
        schedule = queries.locked(user_id, schedule_id)
        _apply(schedule, changes)
    return schedule


_CHECKED = ("type", "params", "cron", "time_zone")


def _apply(schedule: Schedule, changes: Mapping[str, Any]) -> None:
    before = (schedule.enabled, schedule.cron, schedule.time_zone)
    for name, value in changes.items():
        setattr(schedule, name, value)
    if "enabled" in changes:
        schedule.paused_reason = None
    if not schedule.enabled:
        schedule.next_run_at = None
    elif before != (True, schedule.cron, schedule.time_zone):
        timing = Timing(schedule.cron, schedule.time_zone)
        schedule.next_run_at = timing.next(queries.database_time())


def delete(user_id: UUID, schedule_id: UUID) -> None:
    """Delete a schedule; the jobs that it made stay. Raises `NotFound`."""
    with transaction():
        db.session.delete(queries.locked(user_id, schedule_id))


def run_now(user_id: UUID, schedule_id: UUID, *, key: str | None = None) -> jobs.Submitted:
    """Submit the schedule's job at once, also of one that is paused; see `app.jobs.submit.submit`.

    It is no tick: it neither replaces one nor looks at jobs of earlier ones.
    """
    with transaction():
        schedule = queries.get(user_id, schedule_id)
    return jobs.submit(user_id, schedule.type, schedule.params, key=key, schedule_id=schedule.id)


def _refuse_too_many(user_id: UUID) -> None:
    most = services().settings.max_schedules_per_user
    counting = select(func.count()).select_from(Schedule).where(Schedule.user_id == user_id)
    if (db.session.scalar(counting) or 0) >= most:
        raise Conflict(
            f"You have {most} schedules, and no more are accepted. Delete one first.",
            code="schedules_full",
        )
