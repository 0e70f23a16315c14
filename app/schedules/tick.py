"""The tick: each schedule that is due makes one job, however many beats look.

The job, the schedule's next tick and what else belongs to it are one commit. Of several ticks that were
missed, the newest is made up for.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Select, func, select

from app.accounts.models import User
from app.errors import InvalidInput, PermissionDenied, TooManyRequests
from app.extensions import db, is_away, transaction
from app.jobs.admit import dispatch, take_turn
from app.jobs.cancel import ask, tell
from app.jobs.log import about, ids_of
from app.jobs.models import UNFINISHED_STATES, Job
from app.jobs.submit import accept, prepare
from app.jobs.view import publish_job
from app.observability import bound_contextvars, get_logger
from app.schedules.models import Overlap, Schedule
from app.schedules.pause import pause, reason_of
from app.schedules.queries import database_time
from app.schedules.timing import Timing

log = get_logger(__name__)

After = list[Callable[[], Any]]
"""What is to be done once the transaction is committed, in this order."""

_DUE = (
    Schedule.enabled,
    Schedule.next_run_at <= func.now(),
    Schedule.user_id.in_(select(User.id).where(User.active)),
)


def tick() -> int:
    """Let each schedule that is due make its job; returns how many were looked at."""
    with transaction():
        due = select(Schedule.id).where(*_DUE).order_by(Schedule.next_run_at)
        found = db.session.scalars(due).all()
    for schedule_id in found:
        with bound_contextvars(schedule_id=str(schedule_id)):
            _try(schedule_id)
    return len(found)


def _try(schedule_id: UUID) -> None:
    """Whatever holds up one schedule must not hold up the others."""
    try:
        for act in _tick(schedule_id):
            act()
    except Exception as error:
        if is_away(error):
            raise
        log.exception("schedule not ticked, the next turn tries again")


class _Wish(NamedTuple):
    """What a schedule asks for; it may change between a look and the lock."""

    user_id: UUID
    type: str
    params: dict[str, Any]
    cron: str
    time_zone: str

    @classmethod
    def of(cls, schedule: Schedule) -> "_Wish":
        return cls(*(getattr(schedule, name) for name in cls._fields))


def _tick(schedule_id: UUID) -> After:
    with transaction():
        seen = db.session.get(Schedule, schedule_id, populate_existing=True)
    if seen is None:
        return []
    wish = _Wish.of(seen)
    # Before the lock: what a type asks in its `check` may take transactions of its own.
    plan = _fulfil(wish)
    with transaction():
        schedule = _locked(schedule_id)
        if schedule is None or _Wish.of(schedule) != wish:
            return []  # another beat was first, or its owner changed it: the next turn looks again
        if isinstance(plan, str):
            return pause(schedule, plan)
        return _make(schedule, *plan)


def _fulfil(wish: _Wish) -> tuple[Timing, Job] | str:
    """The job that is wanted; or why there can be none any more."""
    try:
        timing = Timing(wish.cron, wish.time_zone)
        return timing, prepare(wish.user_id, wish.type, wish.params)
    except (InvalidInput, PermissionDenied) as error:
        return reason_of(error, wish.type)


def _locked(schedule_id: UUID) -> Schedule | None:
    wanted = select(Schedule).where(Schedule.id == schedule_id, *_DUE)
    wanted = wanted.with_for_update(skip_locked=True, of=Schedule)
    return db.session.scalar(wanted.execution_options(populate_existing=True))


def _make(schedule: Schedule, timing: Timing, job: Job) -> After:
    """Move a locked schedule on, and make its job unless something speaks against it."""
    now = database_time()
    newest = timing.newest(schedule.next_run_at or now, now)
    schedule.last_tick_at, schedule.next_run_at = newest, timing.next(now)
    job.schedule_id, job.schedule_tick = schedule.id, newest
    take_turn(schedule.user_id)
    if db.session.scalar(_of(schedule).where(Job.schedule_tick == newest)) is not None:
        return [_skip("made_before")]
    if schedule.overlap == Overlap.SKIP and db.session.scalar(_unfinished(schedule).limit(1)):
        return [_skip("earlier_job_not_ended")]
    try:
        with (
            db.session.begin_nested()
        ):  # else the earlier job would be lost for one that is refused
            return _accept(schedule, job)
    except TooManyRequests as error:
        return [_skip(error.code)]


def _accept(schedule: Schedule, job: Job) -> After:
    after: After = []
    if schedule.overlap == Overlap.CANCEL:
        earlier = db.session.scalars(_unfinished(schedule).with_for_update()).all()
        after += [partial(tell, each, ask(each)) for each in earlier]
    accepted = accept(job)
    if accepted.again is not None:
        return [*after, _skip("job_active_already")]
    return [*after, partial(_announce, job), partial(dispatch, accepted.admitted)]


def _announce(job: Job) -> None:
    with about(job):
        log.info("job submitted", **ids_of(job))
        publish_job(job)


def _of(schedule: Schedule) -> Select[Job]:
    return select(Job).where(Job.schedule_id == schedule.id)


def _unfinished(schedule: Schedule) -> Select[Job]:
    wanted = _of(schedule).where(Job.state.in_(UNFINISHED_STATES)).order_by(Job.id)
    return wanted.execution_options(populate_existing=True)


def _skip(reason: str) -> Callable[[], Any]:
    return lambda: log.info("tick skipped", reason=reason)
