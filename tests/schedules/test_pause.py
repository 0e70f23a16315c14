"""Schedules that can run no more pause themselves, and their owner is told."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from flask import Flask

from app.errors import PermissionDenied
from app.schedules.tick import tick
from app.services import EXTENSION, services
from tests.schedules.conftest import Clock, Logged, World
from tests.support.database import query
from tests.support.job_types.urgency import Middling


def test_schedules_whose_type_was_removed_pause_and_tell_their_owner(
    world: World, clock: Clock
) -> None:
    schedule = world.add()
    world.change(schedule, type="was_removed")
    world.let_pass(schedule)
    clock.tick_for(minutes=90)
    state = world.state(schedule)
    assert (state.enabled, state.next_run_at) == (False, None)
    assert state.paused_reason == "There is no job type was_removed any more."
    (told,) = world.told(schedule.user_id)
    assert told.type == "schedule_paused"
    assert told.data["schedule_id"] == str(schedule.id)
    assert state.paused_reason in told.body
    assert world.jobs(schedule) == []
    assert tick() == 0


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"type": "add", "params": {"a": "x", "b": 2}}, "params.a"),
        ({"type": "add", "params": {"a": 1, "b": 2, "c": 3}}, "no such parameter"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"cron": "99 * * * *"}, "Bad minute"),
    ],
)
def test_schedules_that_no_longer_fit_pause_and_say_why(
    world: World, columns: dict[str, Any], words: str
) -> None:
    schedule = world.add()
    world.change(schedule, **columns)
    world.let_pass(schedule)
    tick()
    state = world.state(schedule)
    assert not state.enabled
    assert words in (state.paused_reason or "")
    assert len(world.told(schedule.user_id)) == 1


def test_schedules_that_the_type_refuses_their_owner_pause_and_log_no_address(
    world: World, logged: Logged
) -> None:
    def check(self: Any, owner: Any, parameters: Any) -> None:
        raise PermissionDenied(f"{owner.email} may not.")

    schedule = world.add()
    world.let_pass(schedule)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Middling, "check", check)
        tick()
    reason = world.state(schedule).paused_reason or ""
    assert reason.endswith("@example.com may not.")
    (line,) = (each for each in logged if each["event"] == "schedule paused")
    assert line["reason"].endswith("…@example.com may not.")
    assert reason not in str(logged)


def test_schedules_that_pause_ring_their_owner_after_the_commit(
    app: Flask, world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    rung: list[tuple[UUID, str, str, bool]] = []

    class Ring:
        """Notes what it is to send, and whether the row says so already."""

        def to_user(self, user_id: UUID, event: str, payload: dict[str, Any]) -> None:
            sql = "SELECT enabled FROM schedules WHERE user_id = %s"
            url = services().settings.database_url.get_secret_value()
            ((enabled,),) = query(url, sql, str(user_id))
            rung.append((user_id, event, payload["type"], enabled))

    schedule = world.add()
    world.change(schedule, type="was_removed")
    world.let_pass(schedule)
    monkeypatch.setitem(app.extensions, EXTENSION, replace(services(), publisher=Ring()))
    clock.tick_for(minutes=90)
    assert rung == [(schedule.user_id, "notification", "schedule_paused", False)]
