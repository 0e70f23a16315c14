"""Reading schedules. The owner stands in every query, so another user's schedule does not exist.

The exception is a list of `ANYBODY`'s, which only who may read everybody's may be given.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import defer

from app.errors import NotFound
from app.extensions import db
from app.jobs.queries import Whose, owned_by, unless_large
from app.schedules.models import Schedule


class Listed(NamedTuple):
    """A schedule of a list, whose own `params` were not loaded.

    Attributes:
        params: None if they are large.
    """

    schedule: Schedule
    params: dict[str, Any] | None


def database_time() -> datetime:
    """The time that schedules go by: that of the transaction, by the database's clock."""
    now: datetime = db.session.execute(select(func.now())).scalar_one()
    return now


def list_schedules(whose: Whose, before: UUID | None, limit: int) -> Sequence[Listed]:
    """Schedules, newest first, at most `limit`, older than the schedule `before`."""
    wanted = select(Schedule, unless_large(Schedule.params))
    wanted = wanted.options(defer(Schedule.params, raiseload=True))
    wanted = wanted.where(*owned_by(Schedule.user_id, whose))
    if before is not None:
        wanted = wanted.where(Schedule.id < before)
    page = wanted.order_by(Schedule.id.desc()).limit(limit)
    rows = db.session.execute(page.execution_options(populate_existing=True))
    return [Listed(*row) for row in rows]


def get(user_id: UUID, schedule_id: UUID) -> Schedule:
    """One schedule of the user; raises `NotFound`."""
    return _found(_one(user_id, schedule_id))


def locked(user_id: UUID, schedule_id: UUID) -> Schedule:
    """The same, locked until the caller's transaction ends."""
    return _found(_one(user_id, schedule_id).with_for_update())


def _one(user_id: UUID, schedule_id: UUID) -> Select[Schedule]:
    wanted = select(Schedule).where(Schedule.user_id == user_id, Schedule.id == schedule_id)
    return wanted.execution_options(populate_existing=True)


def _found(wanted: Select[Schedule]) -> Schedule:
    schedule = db.session.scalar(wanted)
    if schedule is None:
        raise NotFound("There is no such schedule.", code="schedule_not_found")
    return schedule
