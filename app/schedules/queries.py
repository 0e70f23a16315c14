"""Reading schedules. The owner stands in every query, so another user's schedule does not exist."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, func, select

from app.errors import NotFound
from app.extensions import db
from app.schedules.models import Schedule


def database_time() -> datetime:
    """The time that schedules go by: that of the transaction, by the database's clock."""
    now: datetime = db.session.execute(select(func.now())).scalar_one()
    return now


def list_schedules(user_id: UUID | None, before: UUID | None, limit: int) -> Sequence[Schedule]:
    """Schedules, newest first, at most `limit`, older than the schedule `before`.

    Args:
        user_id: whose; None for everybody's, which takes a permission.
    """
    wanted = select(Schedule).order_by(Schedule.id.desc()).limit(limit)
    if user_id is not None:
        wanted = wanted.where(Schedule.user_id == user_id)
    if before is not None:
        wanted = wanted.where(Schedule.id < before)
    return db.session.scalars(wanted.execution_options(populate_existing=True)).all()


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
