"""Schedules that a beat cannot tick: it tries again, less and less often, and gives up after an hour."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask

from app.extensions import new_id
from app.job_types.registry import JobTypes
from app.schedules import tick as ticking
from app.schedules.models import Schedule
from app.schedules.patience import MOST_FAILURES, Due, Patience
from app.services import EXTENSION, services
from tests.schedules.conftest import Clock, World


def fail(*_: Any) -> Any:
    raise ZeroDivisionError("a fault of the type")


def test_schedules_of_an_unknown_type_pause_after_an_hour_and_not_before(
    world: World, clock: Clock
) -> None:
    schedule = world.add()
    world.change(schedule, type="was_removed")
    world.let_pass(schedule, days=30)
    clock.tick_for(minutes=60)
    assert world.state(schedule).enabled
    clock.tick_for(minutes=30)
    assert not world.state(schedule).enabled


def test_schedules_of_a_newer_version_are_left_to_its_beat_by_an_older_one(
    app: Flask, world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule = world.add()
    world.let_pass(schedule)
    known = services()
    older = replace(
        known, job_types=JobTypes(set(known.job_types) - {known.job_types.get("middling")})
    )
    monkeypatch.setitem(app.extensions, EXTENSION, older)
    for _ in range(MOST_FAILURES + 2):  # it comes first each time, but the newer one is there, too
        assert ticking.tick() == 1
        monkeypatch.setitem(app.extensions, EXTENSION, known)
        with monkeypatch.context() as newer:
            newer.setattr(ticking, "patience", Patience())
            assert ticking.tick() == 1
        monkeypatch.setitem(app.extensions, EXTENSION, older)
        assert ticking.tick() == 0
        world.execute("UPDATE jobs SET state = 'succeeded'")
        world.let_pass(schedule)
        clock.seconds += 300
    state = world.state(schedule)
    assert (state.enabled, state.paused_reason) == (True, None)
    assert len(world.jobs(schedule)) == MOST_FAILURES + 2
    assert world.told(schedule.user_id) == []


def test_schedules_that_fail_are_tried_a_few_times_an_hour_and_then_pause_and_tell_their_owner(
    world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule = world.add()
    world.let_pass(schedule)
    monkeypatch.setattr(ticking, "prepare", fail)
    assert clock.tick_for(minutes=60) <= MOST_FAILURES
    assert world.state(schedule).enabled
    clock.tick_for(minutes=30)
    state = world.state(schedule)
    assert (state.enabled, state.paused_reason) == (False, ticking.FAULT)
    (told,) = world.told(schedule.user_id)
    assert told.type == "schedule_paused"


def test_schedules_that_failed_for_a_while_go_on_when_the_fault_is_mended(
    world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule: Schedule = world.add()
    world.let_pass(schedule)
    with monkeypatch.context() as broken:
        broken.setattr(ticking, "prepare", fail)
        clock.tick_for(minutes=50)
    assert clock.tick_for(minutes=6) == 1
    assert len(world.jobs(schedule)) == 1


def test_schedules_whose_fault_is_mended_before_their_last_try_go_on(
    world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule: Schedule = world.add()
    world.let_pass(schedule)
    tried = 0
    with monkeypatch.context() as broken:
        broken.setattr(ticking, "prepare", fail)
        while tried < MOST_FAILURES:
            tried += clock.tick_for(minutes=1)
    assert clock.tick_for(minutes=6) == 1
    state = world.state(schedule)
    assert (state.enabled, state.paused_reason) == (True, None)
    assert len(world.jobs(schedule)) == 1


def test_schedules_failures_count_for_one_tick_and_not_for_the_next() -> None:
    clock = Clock()
    patience, due = Patience(clock), Due(new_id(), new_id(), datetime(2027, 1, 1, tzinfo=UTC))
    for _ in range(MOST_FAILURES):
        assert patience.verdict(due) is None
        patience.failed(due, "a reason")
        assert patience.waits(due)
        clock.seconds += 300
        assert not patience.waits(due)
    assert patience.verdict(due) is None, "it was not tried again"
    patience.failed(due, "a reason")
    assert patience.verdict(due) == "a reason"
    assert clock.seconds > 3600
    patience.keep([due])
    assert patience.verdict(due) == "a reason"
    patience.keep([due._replace(at=datetime(2027, 1, 2, tzinfo=UTC))])
    assert patience.verdict(due) is None
