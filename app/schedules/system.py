"""Schedules that job types declare in code: their rows, made right by each beat, again and again."""

import time
from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from app.accounts import users
from app.accounts.models import User
from app.accounts.passwords import unmatchable
from app.errors import ConfigError, InvalidInput
from app.extensions import db, transaction
from app.job_types.base import Timetable
from app.job_types.registry import AnyJobType, JobTypes
from app.observability import get_logger
from app.schedules.models import Overlap, Schedule
from app.schedules.queries import database_time
from app.schedules.service import Plan
from app.schedules.tick import tick
from app.schedules.timing import Timing
from app.services import services

log = get_logger(__name__)

# No domain of this ending exists, so nobody can be given the address by `app.accounts.users`.
SYSTEM_EMAIL = "system@ringback.invalid"
NOT_DECLARED = "No job type declares it any more."
# The key of the advisory lock of whoever makes the rows right.
SYNC_LOCK = 0x54494D45
# A beat of an older version beside this one may switch off or pause what only this one can run.
AGAIN_SECONDS = 300.0


def steps(
    job_types: JobTypes, clock: Callable[[], float] = time.monotonic
) -> list[Callable[[], Any]]:
    """What a beat does for schedules each turn; at its first, and then every few minutes, it makes the rows right.

    Args:
        clock: seconds that only go on.

    Raises:
        ConfigError: a job type declares a timetable that is of no use.
    """
    plans = declared(job_types)
    made: float | None = None

    def declare_schedules() -> None:
        nonlocal made
        if made is None or clock() - made >= AGAIN_SECONDS:
            make_right(plans, start=made is None)
            made = clock()

    return [declare_schedules, tick]


def declared(job_types: Iterable[AnyJobType]) -> dict[str, Plan]:
    """What the types declare, by its key.

    Raises:
        ConfigError: names the type, and what is wrong with its timetable.
    """
    plans: dict[str, Plan] = {}
    for job_type in job_types:
        for timetable in job_type.timetables:
            key = f"{job_type.name}.{timetable.name}"
            if key in plans:
                raise _wrong(job_type, timetable, "another one of it has this name")
            plans[key] = _plan(job_type, timetable)
    return plans


def _plan(job_type: AnyJobType, timetable: Timetable) -> Plan:
    try:
        Timing(timetable.cron, timetable.time_zone)
        JobTypes.validate(job_type, dict(timetable.parameters))
        overlap = Overlap(timetable.overlap)
    except InvalidInput as error:
        raise _wrong(job_type, timetable, f"{error.message} {error.fields}") from error
    except ValueError as error:
        raise _wrong(job_type, timetable, f"`overlap`: {error}") from error
    name = f"{job_type.title}: {timetable.name}"
    params = dict(timetable.parameters)
    return Plan(name, job_type.name, params, timetable.cron, timetable.time_zone, overlap)


def _wrong(job_type: AnyJobType, timetable: Timetable, problem: str) -> ConfigError:
    kind = type(job_type)
    where = f"{kind.__module__}.{kind.__qualname__}"
    return ConfigError(f"Job type {where}: its timetable {timetable.name!r} is wrong: {problem}")


def make_right(plans: dict[str, Plan], *, start: bool) -> None:
    """Insert, update or disable rows until they say what is declared; two at once take turns.

    Args:
        start: else nothing is changed or switched off, but only what is missing added, and what was
            switched off goes on. Beats of two versions would undo each other's work again and again.
    """
    with transaction():
        db.session.execute(select(func.pg_advisory_xact_lock(SYNC_LOCK)))
        present = _present()
        for key, plan in plans.items():
            row = present.pop(key, None)
            if start or row is None:
                _write(row or _new(key), plan)
            elif not row.enabled:
                _resume(row, plan)
        if start:
            _disable(present.values())
    if start and (plans or present):
        log.info("schedules declared", count=len(plans))


def _present() -> dict[str, Schedule]:
    rows = select(Schedule).where(Schedule.system_key.is_not(None)).with_for_update()
    found = db.session.scalars(rows.execution_options(populate_existing=True))
    return {str(row.system_key): row for row in found}


def _disable(rows: Iterable[Schedule]) -> None:
    """Those of an unknown type are left to the tick: a newer version beside this one may know it.

    They keep their next tick, for a beat that declares them, see `_resume`.
    """
    for row in rows:
        if row.enabled and services().job_types.find(row.type) is not None:
            row.enabled, row.paused_reason = False, NOT_DECLARED


def _new(key: str) -> Schedule:
    return Schedule(user_id=_system_user(), system_key=key, enabled=False, cron="", time_zone="")


def _write(row: Schedule, plan: Plan) -> None:
    """An unchanged row stays as it is, with the tick that it may be late for."""
    moved = not row.enabled or (row.cron, row.time_zone) != (plan.cron, plan.time_zone)
    row.name, row.type, row.params, row.overlap = plan.name, plan.type, plan.params, plan.overlap
    row.cron, row.time_zone, row.enabled, row.paused_reason = plan.cron, plan.time_zone, True, None
    if moved:
        row.next_run_at = Timing(row.cron, row.time_zone).next(database_time())
    db.session.add(row)


def _resume(row: Schedule, plan: Plan) -> None:
    """Let a row that was switched off go on, as whichever beat started last has written it.

    If it was switched off as not declared, a tick that came meanwhile is made up for.
    """
    if (row.cron, row.time_zone) != (plan.cron, plan.time_zone):
        return  # another version's, whose times this one need not understand
    if row.next_run_at is None:
        row.next_run_at = Timing(row.cron, row.time_zone).next(database_time())
    row.enabled, row.paused_reason = True, None


def _system_user() -> UUID:
    """The owner of what the system runs: an ordinary user, as whom nobody can sign in."""
    making = insert(User).values(email=SYSTEM_EMAIL, password_hash=unmatchable())
    db.session.execute(making.on_conflict_do_nothing())
    user = users.find(SYSTEM_EMAIL)
    if user is None:
        raise RuntimeError("the system's user was deleted while it was made")
    return user.id
