"""Locks that others hold while schedules are due."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from sqlalchemy import Connection, text

from app.extensions import db
from app.jobs.admit import ADMISSION_LOCK
from app.jobs.models import JobState
from app.jobs.submit import submit
from app.schedules import service
from app.schedules import tick as ticking
from app.schedules.models import Overlap
from app.schedules.tick import tick
from tests.schedules.conftest import Logged, World
from tests.support.waiting import wait_for


def test_schedules_of_a_user_who_is_locked_hold_up_nobody_elses(
    world: World, monkeypatch: pytest.MonkeyPatch, logged: Logged
) -> None:
    monkeypatch.setattr(ticking, "LOCK_TIMEOUT", "100ms")
    owner, free = world.owner(), world.add()
    held = [world.add(owner) for _ in range(5)]
    world.let_pass(free)
    for schedule in held:
        world.let_pass(schedule, days=2)  # so they come first
    with db.engine.connect() as elsewhere:
        turn = text("SELECT pg_advisory_xact_lock(:lock, hashtext(:user))")
        elsewhere.execute(turn, {"lock": ADMISSION_LOCK, "user": str(owner.id)})
        assert tick() == 2, "each of this user's was waited for"
        assert len(world.jobs(free)) == 1
        assert [world.jobs(each) for each in held] == [[]] * 5
    events = {line["event"] for line in logged}
    assert "schedule postponed" in events and "schedule not ticked" not in events
    assert tick() == 5
    assert [len(world.jobs(each)) for each in held] == [1] * 5


def waits_for(connection: Connection) -> bool:
    """Whether another connection wants a lock that this one has."""
    pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
    with db.engine.connect() as looking:
        waiting = text(
            "SELECT count(*) FROM pg_stat_activity WHERE :pid = ANY(pg_blocking_pids(pid))"
        )
        return bool(looking.execute(waiting, {"pid": pid}).scalar_one())


def test_schedules_that_cancel_lock_jobs_before_the_inbox_as_those_do_that_end_jobs(
    app: Flask,
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    logged: Logged,
) -> None:
    monkeypatch.setattr(ticking, "LOCK_TIMEOUT", "60s")
    schedule = world.add(type="one_of_a_kind", params={"name": "x"}, overlap=Overlap.CANCEL)
    user = {"user": schedule.user_id}
    world.execute("INSERT INTO inboxes (user_id, head_seq) VALUES (:user, 0)", **user)
    world.let_pass(schedule)
    tick()
    service.change(schedule.user_id, schedule.id, {"params": {"name": "y"}})
    twin = submit(schedule.user_id, "one_of_a_kind", {"name": "y"}).job
    world.let_pass(schedule)

    def tick_elsewhere() -> None:
        with app.app_context():
            tick()

    with ThreadPoolExecutor() as pool, db.engine.connect() as ending:
        ending.execute(text("SELECT 1 FROM jobs WHERE id = :id FOR UPDATE"), {"id": twin.id})
        ticked = pool.submit(tick_elsewhere)
        wait_for(lambda: waits_for(ending), "the tick to want the job")
        inbox = text("SELECT 1 FROM inboxes WHERE user_id = :user FOR UPDATE NOWAIT")
        assert ending.execute(inbox, user).scalar_one() == 1
        ending.rollback()
        ticked.result()
    (earlier,) = world.jobs(schedule)
    assert earlier.state == JobState.QUEUED, "cancelled for a job that was then not made"
    assert "job_active_already" in str(logged)
