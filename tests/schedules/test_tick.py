"""The tick: one job each, whatever happens beside it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text

from app.accounts import users
from app.extensions import db, transaction
from app.factory import create_core
from app.jobs.beat import Beat
from app.jobs.models import JobState
from app.jobs.submit import prepare, submit
from app.schedules import service
from app.schedules import tick as ticking
from app.schedules.models import Overlap, Schedule
from app.schedules.tick import tick
from app.services import Services, services
from tests.schedules.conftest import Clock, Logged, World
from tests.support.waiting import wait_for


def each_has(world: World, schedules: list[Schedule], count: int) -> bool:
    return all(len(world.jobs(each)) == count for each in schedules)


@contextmanager
def beats_at_work(*apps: Flask) -> Iterator[None]:
    """Beats that tick beside the test and beside each other, on threads of their own."""
    beats = [Beat(app, [tick]) for app in apps]
    threads = [threading.Thread(target=each.work) for each in beats]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for beat in beats:
            beat.stop()
        for thread in threads:
            thread.join()


def test_schedules_make_one_job_each_tick_with_two_beats_running(
    app: Flask, world: World, logged: Logged
) -> None:
    given: Services = services()
    other = create_core(given.settings, given, role="test")
    owner = world.owner()
    made = [world.add(owner, overlap=Overlap.QUEUE) for _ in range(8)]
    with beats_at_work(app, other):
        for count in range(1, 4):
            for schedule in made:
                world.let_pass(schedule)
            wait_for(partial(each_has, world, made, count), "their jobs")
        still_due = text("SELECT count(*) FROM schedules WHERE next_run_at <= now()")
        wait_for(lambda: db.session.execute(still_due).scalar_one() == 0, "nothing to be due")
    db.session.rollback()
    for schedule in made:
        ticks = [job.schedule_tick for job in world.jobs(schedule)]
        assert len(ticks) == len(set(ticks)) == 3
    assert "schedule not ticked" not in str(logged)
    with other.app_context():
        db.engine.dispose()


def test_schedules_do_nothing_before_their_time(world: World) -> None:
    schedule = world.add()
    assert tick() == 0
    assert world.jobs(schedule) == []


def test_schedules_make_one_job_for_the_newest_of_the_ticks_missed_while_all_was_down(
    world: World,
) -> None:
    schedule = world.add()
    following = schedule.next_run_at
    assert following is not None
    world.let_pass(schedule, days=30)
    assert tick() == 1
    (job,) = world.jobs(schedule)
    assert job.schedule_tick == following - timedelta(days=1)
    state = world.state(schedule)
    assert (state.last_tick_at, state.next_run_at) == (job.schedule_tick, following)
    assert tick() == 0


def test_schedules_make_no_second_job_for_a_tick_that_was_dealt_with(world: World) -> None:
    schedule = world.add()
    world.let_pass(schedule)
    tick()
    (job,) = world.jobs(schedule)
    world.change(schedule, next_run_at=job.schedule_tick)
    assert (tick(), tick()) == (1, 0)
    assert len(world.jobs(schedule)) == 1


def test_schedules_job_is_admitted_logged_and_carries_what_was_asked(world: World) -> None:
    schedule = world.add(type="add", params={"a": 1, "b": 2})
    world.let_pass(schedule)
    tick()
    (job,) = world.jobs(schedule)
    assert (job.type, job.params, job.state) == ("add", {"a": 1, "b": 2}, JobState.QUEUED)
    assert job.user_id == schedule.user_id


@pytest.mark.parametrize(
    ("overlap", "states"),
    [
        (Overlap.SKIP, ["queued"]),
        (Overlap.QUEUE, ["queued", "queued"]),
        (Overlap.CANCEL, ["cancelled", "queued"]),
    ],
)
def test_schedules_overlap_as_they_say(world: World, overlap: Overlap, states: list[str]) -> None:
    schedule = world.add(overlap=overlap)
    for _ in range(2):
        world.let_pass(schedule)
        assert tick() == 1
    assert [job.state for job in world.jobs(schedule)] == states


def test_schedules_that_cancel_tell_a_running_job_to_stop(world: World) -> None:
    schedule = world.add(overlap=Overlap.CANCEL)
    world.let_pass(schedule)
    tick()
    world.execute("UPDATE jobs SET state = 'running'")
    world.let_pass(schedule)
    tick()
    earlier, later = world.jobs(schedule)
    assert earlier.state == JobState.RUNNING and earlier.cancel_requested_at is not None
    assert later.state == JobState.QUEUED


def test_schedules_of_a_user_at_the_limit_skip_the_tick_and_go_on_later(
    app: Flask, world: World, logged: Logged
) -> None:
    schedule = world.add(overlap=Overlap.CANCEL)
    world.let_pass(schedule)
    tick()
    world.execute("UPDATE jobs SET state = 'running'")
    limit = services().settings.max_unfinished_jobs_per_user
    world.execute(
        "INSERT INTO jobs (id, user_id, type, params, state, progress, progress_message, version, "
        "attempt, max_attempts, fence, queue, priority, dispatches) SELECT gen_random_uuid(), :user,"
        " 'add', '{}', 'running', 0, '', 1, 1, 1, 0, 'default', 5, 0 FROM generate_series(2, :limit)",
        user=schedule.user_id,
        limit=limit,
    )
    world.let_pass(schedule)
    assert tick() == 1
    (first,) = world.jobs(schedule)
    assert first.cancel_requested_at is None, "cancelled for a job that was then refused"
    assert tick() == 0, "an error loop"
    assert "too_many_jobs" in str(logged)
    world.execute("UPDATE jobs SET state = 'succeeded'")
    world.let_pass(schedule)
    tick()
    assert len(world.jobs(schedule)) == 2


def test_schedules_of_a_type_that_is_unique_skip_while_another_such_job_is_active(
    world: World,
) -> None:
    schedule = world.add(type="one_of_a_kind", params={"name": "x"})
    submit(schedule.user_id, "one_of_a_kind", {"name": "x"})
    world.let_pass(schedule)
    tick()
    assert world.jobs(schedule) == []
    assert tick() == 0


def test_schedules_of_disabled_users_wait_until_they_are_enabled(world: World) -> None:
    schedule = world.add()
    users.change(schedule.user_id, active=False)
    world.let_pass(schedule)
    assert tick() == 0
    users.change(schedule.user_id, active=True)
    assert tick() == 1
    assert len(world.jobs(schedule)) == 1


def test_schedules_that_fail_do_not_hold_up_the_others(
    world: World,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    logged: Logged,
) -> None:
    broken, sound = world.add(type="add", params={"a": 1, "b": 2}), world.add()
    world.let_pass(broken)
    world.let_pass(sound)

    def fail_some(user_id: Any, type_name: str, params: Any) -> Any:
        if type_name == "add":
            raise ZeroDivisionError("a fault of the type")
        return prepare(user_id, type_name, params)

    monkeypatch.setattr(ticking, "prepare", fail_some)
    assert tick() == 2
    assert (world.jobs(broken), len(world.jobs(sound))) == ([], 1)
    assert "schedule not ticked" in str(logged)
    monkeypatch.setattr(ticking, "prepare", prepare)
    assert tick() == 0, "an error loop"
    clock.seconds += 60
    tick()
    assert len(world.jobs(broken)) == 1


def test_schedules_locked_by_somebody_else_are_passed_over(app: Flask, world: World) -> None:
    held, free = world.add(), world.add()
    for schedule in (held, free):
        world.let_pass(schedule)
    with db.engine.connect() as elsewhere:
        elsewhere.execute(
            text("SELECT 1 FROM schedules WHERE id = :id FOR UPDATE"), {"id": held.id}
        )
        assert tick() == 2
        assert (world.jobs(held), len(world.jobs(free))) == ([], 1)
    tick()
    assert len(world.jobs(held)) == 1


def test_schedules_enabled_again_go_on_from_now_and_make_up_for_nothing(world: World) -> None:
    schedule = world.add()
    service.change(schedule.user_id, schedule.id, {"enabled": False})
    world.execute("UPDATE schedules SET last_tick_at = now() - interval '1 day'")
    assert tick() == 0
    resumed = service.change(schedule.user_id, schedule.id, {"enabled": True})
    assert resumed.next_run_at is not None and resumed.next_run_at > world.now()
    assert tick() == 0
    assert world.jobs(schedule) == []


def test_schedules_changed_between_the_look_and_the_lock_are_left_to_the_next_turn(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule = world.add(type="add", params={"a": 1, "b": 2})
    world.let_pass(schedule)

    def change_meanwhile(*args: Any) -> Any:
        job = prepare(*args)
        world.execute('UPDATE schedules SET params = \'{"a": 5, "b": 6}\'')
        return job

    monkeypatch.setattr(ticking, "prepare", change_meanwhile)
    tick()
    assert world.jobs(schedule) == []
    monkeypatch.undo()
    tick()
    (job,) = world.jobs(schedule)
    assert job.params == {"a": 5, "b": 6}
    with transaction():
        assert world.state(schedule).next_run_at is not None
