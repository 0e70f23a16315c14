"""Schedules that job types declare in code."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.accounts import users
from app.accounts.models import User
from app.accounts.sign_in import sign_in
from app.errors import ConfigError, InvalidInput, Unauthenticated
from app.extensions import db, transaction
from app.job_types.base import Timetable
from app.schedules import system
from app.schedules import tick as ticking
from app.schedules.models import Schedule
from app.schedules.tick import tick
from app.services import run_here, services
from tests.schedules.conftest import Clock, World
from tests.support.at_once import at_once
from tests.support.job_types.urgency import Middling

NIGHTLY = Timetable("nightly", "0 3 * * *", "Europe/Berlin")


@pytest.fixture
def declare(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Lets the type `middling` declare these timetables, and no others."""
    return lambda *timetables: monkeypatch.setattr(Middling, "timetables", timetables)


def beat(clock: Clock) -> Callable[[], None]:
    """What a beat does each turn with what is declared by now."""
    own = [each for each in services().job_types if each.name == "middling"]
    return system.steps(own, clock)[0]  # type: ignore[arg-type]


def start_beat() -> None:
    """What a beat does with what is declared, at its start."""
    beat(Clock())()


def rows() -> list[Schedule]:
    with transaction():
        found = select(Schedule).order_by(Schedule.system_key)
        return list(db.session.scalars(found.execution_options(populate_existing=True)))


def test_system_schedules_are_inserted_updated_and_disabled_by_the_start_of_a_beat(
    world: World, declare: Callable[..., None]
) -> None:
    declare(NIGHTLY, Timetable("hourly", "0 * * * *"))
    start_beat()
    hourly, nightly = rows()
    first_run = nightly.next_run_at
    assert (nightly.system_key, nightly.cron, nightly.enabled) == (
        "middling.nightly",
        "0 3 * * *",
        True,
    )
    declare(Timetable("nightly", "30 4 * * *", overlap="queue"))
    start_beat()
    was_hourly, changed = rows()
    assert (changed.id, changed.cron, changed.overlap) == (nightly.id, "30 4 * * *", "queue")
    assert changed.next_run_at != first_run
    assert (was_hourly.id, was_hourly.enabled) == (hourly.id, False)
    assert was_hourly.paused_reason is not None
    declare(NIGHTLY, Timetable("hourly", "0 * * * *"))
    start_beat()
    assert [each.enabled for each in rows()] == [True, True]


def test_system_schedules_are_the_same_after_two_beats_start_at_once(
    app: Flask, world: World, declare: Callable[..., None]
) -> None:
    declare(NIGHTLY, Timetable("hourly", "0 * * * *"))

    def start() -> None:
        with app.app_context():
            start_beat()

    at_once(start, start)
    first = [(each.id, each.next_run_at) for each in rows()]
    start_beat()
    assert [(each.id, each.next_run_at) for each in rows()] == first
    assert len(first) == 2
    with transaction():
        counting = select(func.count()).select_from(User).where(User.email == system.SYSTEM_EMAIL)
        assert db.session.scalar(counting) == 1


def test_system_schedules_keep_a_missed_tick_over_the_start_of_a_beat(
    world: World, declare: Callable[..., None]
) -> None:
    declare(NIGHTLY)
    start_beat()
    (schedule,) = rows()
    world.let_pass(schedule, days=2)
    start_beat()
    assert tick() == 1
    (job,) = world.jobs(schedule)
    assert job.user_id == schedule.user_id
    assert job.type == "middling"


def test_system_schedules_that_an_older_beat_stopped_are_made_right_again_in_minutes(
    world: World, declare: Callable[..., None]
) -> None:
    clock = Clock()
    declare(NIGHTLY)
    turn = beat(clock)
    turn()
    declare()
    start_beat()
    turn()
    assert [each.enabled for each in rows()] == [False]
    clock.seconds += system.AGAIN_SECONDS
    turn()
    assert [each.enabled for each in rows()] == [True]


def test_system_schedules_make_up_for_the_tick_that_came_while_an_older_beat_had_stopped_them(
    world: World, declare: Callable[..., None]
) -> None:
    clock = Clock()
    declare(NIGHTLY)
    turn = beat(clock)
    turn()
    (schedule,) = rows()
    declare()
    start_beat()
    world.let_pass(schedule, days=2)
    assert tick() == 0
    clock.seconds += system.AGAIN_SECONDS
    turn()
    assert (tick(), tick()) == (1, 0)
    assert len(world.jobs(schedule)) == 1


def test_system_schedules_that_two_beats_declare_differently_do_not_change_again_and_again(
    world: World, declare: Callable[..., None]
) -> None:
    clock = Clock()
    declare(NIGHTLY, Timetable("hourly", "0 * * * *"))
    older = beat(clock)
    declare(Timetable("nightly", "30 4 * * *"), Timetable("weekly", "0 0 * * MON"))
    newer = beat(clock)
    older()
    newer()
    seen = []
    for _ in range(4):
        clock.seconds += system.AGAIN_SECONDS
        for turn in (older, newer):
            turn()
            seen.append([(each.cron, each.enabled, each.next_run_at) for each in rows()])
    assert seen == seen[:1] * 8
    assert [each.cron for each in rows()] == ["0 * * * *", "30 4 * * *", "0 0 * * MON"]


def test_system_schedules_that_an_older_beat_paused_go_on_in_minutes(
    world: World, declare: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> Any:
        raise InvalidInput("There is no such parameter.", {})

    clock = Clock()
    declare(NIGHTLY)
    turn = beat(clock)
    turn()
    (schedule,) = rows()
    world.let_pass(schedule, days=2)
    with monkeypatch.context() as older:
        older.setattr(ticking, "prepare", refuse)
        tick()
    turn()
    assert [each.paused_reason for each in rows()] == ["There is no such parameter."]
    clock.seconds += system.AGAIN_SECONDS
    turn()
    assert [(each.enabled, each.paused_reason) for each in rows()] == [(True, None)]
    assert tick() == 0, "what is paused makes up for nothing"
    world.let_pass(schedule, days=2)
    assert tick() == 1
    assert len(world.jobs(schedule)) == 1


def test_system_schedules_that_are_paused_are_tried_again_at_a_start_with_other_times(
    world: World, declare: Callable[..., None]
) -> None:
    declare(NIGHTLY)
    start_beat()
    (schedule,) = rows()
    world.change(schedule, enabled=False, next_run_at=None, paused_reason="It may not.")
    declare(Timetable("nightly", "30 4 * * *"))
    start_beat()
    (row,) = rows()
    assert (row.cron, row.enabled, row.paused_reason) == ("30 4 * * *", True, None)


def test_system_schedules_that_start_to_be_declared_again_make_up_for_nothing(
    world: World, declare: Callable[..., None]
) -> None:
    declare(NIGHTLY)
    start_beat()
    (schedule,) = rows()
    declare()
    start_beat()
    world.let_pass(schedule, days=30)
    declare(NIGHTLY)
    start_beat()
    assert tick() == 0
    assert [each.enabled for each in rows()] == [True]


def test_system_schedules_of_an_unknown_type_are_paused_by_the_tick_after_an_hour(
    world: World, declare: Callable[..., None], clock: Clock
) -> None:
    declare(NIGHTLY)
    start_beat()
    (schedule,) = rows()
    world.change(schedule, type="of_a_newer_version")
    declare()
    start_beat()
    world.let_pass(schedule, days=2)
    clock.tick_for(minutes=60)
    assert [each.enabled for each in rows()] == [True]
    clock.tick_for(minutes=30)
    (paused,) = rows()
    assert paused.paused_reason == "There is no job type of_a_newer_version any more."


def test_system_schedules_belong_to_a_user_as_whom_nobody_can_sign_in_and_who_is_no_admin(
    world: World, declare: Callable[..., None]
) -> None:
    declare(NIGHTLY)
    start_beat()
    user = users.find(system.SYSTEM_EMAIL)
    assert user is not None
    assert (user.role, user.permissions) == ("user", [])
    for password in ("", "password", user.password_hash):
        with pytest.raises(Unauthenticated):
            sign_in(
                system.SYSTEM_EMAIL,
                password,
                "",
                settings=services().settings,
                offload=run_here,
            )
    with pytest.raises(InvalidInput):  # and nobody else can be given the address
        users.create(system.SYSTEM_EMAIL, "a long password", user.role, offload=run_here)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("timetable", "words"),
    [
        (Timetable("bad", "every day"), "Wrong number of fields"),
        (Timetable("bad", "0 0 30 2 *"), "Bad day-of-month"),
        (Timetable("bad", "* * * * *", "Mars/Olympus"), "time_zone"),
        (Timetable("bad", "* * * * *", parameters={"x": 1}), "params.x"),
        (Timetable("bad", "* * * * *", overlap="never"), "overlap"),  # type: ignore[arg-type]
    ],
)
def test_system_schedules_declared_wrongly_stop_the_start_and_name_the_type(
    world: World, declare: Callable[..., None], timetable: Timetable, words: str
) -> None:
    declare(timetable)
    with pytest.raises(ConfigError) as refused:
        start_beat()
    assert "tests.support.job_types.urgency.Middling" in refused.value.message
    assert "'bad'" in refused.value.message and words in refused.value.message
    assert rows() == []


def test_system_schedules_of_one_type_have_names_of_their_own(
    world: World, declare: Callable[..., None]
) -> None:
    declare(NIGHTLY, NIGHTLY)
    with pytest.raises(ConfigError, match="another one of it has this name"):
        start_beat()
