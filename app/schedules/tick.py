"""The tick: each schedule that is due makes one job, however many beats look.

The job, the schedule's next tick and what else belongs to it are one commit. Of several ticks that were
missed, the newest is made up for.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from psycopg2.errorcodes import LOCK_NOT_AVAILABLE
from sqlalchemy import ColumnElement, Select, and_, false, func, or_, select

from app.accounts.models import User
from app.errors import Conflict, InvalidInput, PermissionDenied, TooManyRequests
from app.extensions import db, is_away, transaction
from app.jobs.admit import dispatch, take_turn
from app.jobs.cancel import ask, tell
from app.jobs.log import about, ids_of
from app.jobs.models import UNFINISHED_STATES, Job
from app.jobs.submit import accept, prepare
from app.jobs.view import publish_job
from app.observability import bound_contextvars, get_logger
from app.schedules.models import Overlap, Schedule
from app.schedules.patience import Due, Patience
from app.schedules.pause import pause, reason_of
from app.schedules.queries import database_time
from app.schedules.timing import Timing
from app.services import services

log = get_logger(__name__)

After = list[Callable[[], Any]]
"""What is to be done once the transaction is committed, in this order."""

# All schedules wait while one of them waits for a lock.
LOCK_TIMEOUT = "1s"
FAULT = "For an hour its job could not be made, by a fault of the application; its log tells more."

_DUE = (
    Schedule.enabled,
    Schedule.next_run_at <= func.now(),
    Schedule.user_id.in_(select(User.id).where(User.active)),
)

patience = Patience()


def tick() -> int:
    """Let each schedule that is due make its job; returns how many were tried."""
    with transaction():
        wanted = select(Schedule.id, Schedule.user_id, Schedule.next_run_at).where(*_DUE)
        rows = db.session.execute(wanted.order_by(Schedule.next_run_at))
        found = [Due(id_, user_id, at) for id_, user_id, at in rows if at is not None]
    patience.keep(found)
    tried, held_up = 0, set[UUID]()
    for due in found:
        if due.user_id in held_up or patience.waits(due):
            continue
        tried += 1
        with bound_contextvars(schedule_id=str(due.schedule_id)):
            if not _try(due):
                held_up.add(due.user_id)
    return tried


def _try(due: Due) -> bool:
    """Tick, and pause what has failed once too often; see `_guarded`."""
    return _guarded(_tick, due) and _guarded(_give_up, due)


def _guarded(step: Callable[[Due], After], due: Due) -> bool:
    """Whatever holds up one schedule must not hold up the others.

    Returns:
        False if somebody holds a lock, which would hold up the others of this user as well.
    """
    try:
        for act in step(due):
            act()
    except Exception as error:
        if is_away(error):
            raise
        if _is_locked(error):
            log.warning("schedule postponed", reason="locked")
            return False
        patience.failed(due, FAULT)
        log.exception("schedule not ticked, tried again later")
    return True


def _is_locked(error: Exception) -> bool:
    return bool(getattr(getattr(error, "orig", None), "pgcode", None) == LOCK_NOT_AVAILABLE)


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


def _tick(due: Due) -> After:
    with transaction():
        seen = db.session.get(Schedule, due.schedule_id, populate_existing=True)
    if seen is None:
        return []
    wish = _Wish.of(seen)
    # Before the lock: what a type asks in its `check` may take transactions of its own.
    plan = _fulfil(wish)
    if isinstance(plan, str) and services().job_types.find(wish.type) is None:
        return [partial(_postpone, due, plan)]  # a newer version beside this one may know it
    with _brief_transaction():
        schedule = _locked(due)
        if schedule is None or _Wish.of(schedule) != wish:
            return []  # another beat was first, or its owner changed it: the next turn looks again
        return pause(schedule, plan) if isinstance(plan, str) else _make(schedule, *plan)


def _give_up(due: Due) -> After:
    reason = patience.verdict(due)
    if reason is None:
        return []
    with _brief_transaction():
        schedule = _locked(due)
        return [] if schedule is None else pause(schedule, reason)


def _fulfil(wish: _Wish) -> tuple[Timing, Job] | str:
    """The job that is wanted; or why there can be none any more."""
    try:
        timing = Timing(wish.cron, wish.time_zone)
        return timing, prepare(wish.user_id, wish.type, wish.params)
    except (InvalidInput, PermissionDenied) as error:
        return reason_of(error, wish.type)


def _postpone(due: Due, reason: str) -> None:
    patience.failed(due, reason)
    log.warning("schedule postponed", reason=reason)


@contextmanager
def _brief_transaction() -> Iterator[None]:
    with transaction():
        db.session.execute(select(func.set_config("lock_timeout", LOCK_TIMEOUT, True)))
        yield


def _locked(due: Due) -> Schedule | None:
    wanted = select(Schedule).where(
        Schedule.id == due.schedule_id, Schedule.next_run_at == due.at, *_DUE
    )
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
        # Else the earlier job would be lost for one that is refused.
        with db.session.begin_nested():
            return _accept(schedule, job)
    except (TooManyRequests, Conflict) as error:
        return [_skip(error.code)]


def _accept(schedule: Schedule, job: Job) -> After:
    """Let the job take the place of earlier ones that it cancels; raises if none can be added."""
    after: After = []
    if schedule.overlap == Overlap.CANCEL:
        for each in _locked_jobs(schedule, job):
            if each.schedule_id == schedule.id:
                after.append(partial(tell, each, ask(each)))
    accepted = accept(job)
    if accepted.again is not None:
        raise Conflict("A job of this kind has not ended.", code="job_active_already")
    return [*after, partial(_announce, job), partial(dispatch, accepted.admitted)]


def _locked_jobs(schedule: Schedule, job: Job) -> Sequence[Job]:
    """All that `ask` and `accept` lock: to end one locks the inbox, and jobs come before that."""
    twin: ColumnElement[bool] = false()
    if job.unique_key is not None:
        twin = and_(Job.type == job.type, Job.unique_key == job.unique_key)
    wanted = select(Job).where(
        Job.user_id == schedule.user_id, or_(Job.schedule_id == schedule.id, twin)
    )
    wanted = wanted.where(Job.state.in_(UNFINISHED_STATES)).order_by(Job.id).with_for_update()
    return db.session.scalars(wanted.execution_options(populate_existing=True)).all()


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
