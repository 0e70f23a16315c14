"""Schedules on a real Postgres, where time passes by moving the rows into the past."""

from collections.abc import Iterator, MutableMapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import select, text
from structlog.testing import capture_logs

from app.accounts import users
from app.accounts.models import User
from app.accounts.passwords import directly
from app.accounts.permissions import Role
from app.config import Settings
from app.extensions import db, new_id, transaction
from app.factory import create_core, default_services
from app.jobs.models import Job
from app.notifications.models import Notification
from app.schedules import service
from app.schedules import tick as ticking
from app.schedules.models import Schedule
from app.schedules.patience import Patience
from tests.support.quiet import Undispatched, own_settings

__all__ = ["own_settings"]

Logged = list[MutableMapping[str, Any]]


class World:
    """What a test does to schedules, and what came of it; needs a context."""

    def owner(self) -> User:
        """A user of this test alone."""
        email = f"{new_id().hex}@example.com"
        return users.create(email, "a long password", Role.USER, offload=directly)

    def add(self, owner: User | None = None, **fields: Any) -> Schedule:
        """A daily schedule, half a day from its next tick, so that none comes during a test."""
        noon = self.now() + timedelta(hours=12)
        plan = service.Plan("daily", "middling", {}, f"{noon:%M %H} * * *", "UTC")
        return service.create((owner or self.owner()).id, replace(plan, **fields))

    def let_pass(self, schedule: Schedule, days: int = 1) -> None:
        """Let so much time pass for one schedule: its last tick is half a day ago then."""
        # At once, one job's tick would be written where another's still stands: first out of the way.
        moving = "UPDATE jobs SET schedule_tick = schedule_tick - make_interval(days => :far) WHERE schedule_id = :id"
        self.execute(moving, far=100_000, id=schedule.id)
        self.execute(
            """
            WITH moved AS (
              UPDATE jobs SET schedule_tick = schedule_tick + make_interval(days => 100000 - :days)
              WHERE schedule_id = :id
            )
            UPDATE schedules SET next_run_at = next_run_at - make_interval(days => :days),
              last_tick_at = last_tick_at - make_interval(days => :days)
            WHERE id = :id
            """,
            days=days,
            id=schedule.id,
        )

    def change(self, schedule: Schedule, **columns: Any) -> None:
        """Write columns as an earlier version would have left them."""
        with transaction():
            row = db.session.get_one(Schedule, schedule.id)
            for name, value in columns.items():
                setattr(row, name, value)

    def execute(self, sql: str, **values: Any) -> None:
        with transaction():
            db.session.execute(text(sql), values)

    def now(self) -> datetime:
        with transaction():
            moment: datetime = db.session.execute(text("SELECT now()")).scalar_one()
        return moment

    def state(self, schedule: Schedule) -> Schedule:
        with transaction():
            return db.session.get_one(Schedule, schedule.id, populate_existing=True)

    def jobs(self, schedule: Schedule) -> list[Job]:
        """The schedule's jobs, oldest first."""
        wanted = select(Job).where(Job.schedule_id == schedule.id).order_by(Job.id)
        with transaction():
            found = db.session.scalars(wanted.execution_options(populate_existing=True))
            return list(found)

    def told(self, user_id: UUID) -> list[Notification]:
        wanted = select(Notification).where(Notification.user_id == user_id)
        with transaction():
            return list(db.session.scalars(wanted.order_by(Notification.seq)))


class Clock:
    """What a beat goes by that tries again later; stands still but for the test."""

    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds

    def tick_for(self, minutes: int) -> int:
        """Take a turn each minute; returns how many schedules were tried."""
        tried = 0
        for _ in range(minutes):
            tried += ticking.tick()
            self.seconds += 60
        return tried


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """That of a beat which has seen nothing fail yet."""
    clock = Clock()
    monkeypatch.setattr(ticking, "patience", Patience(clock))
    return clock


@pytest.fixture(scope="module")
def app(own_settings: Settings) -> Iterator[Flask]:
    """A core app without workers, on a database for one module."""
    settings = own_settings.model_copy(update={"sweep_seconds": 0.2})
    given = replace(default_services(settings), dispatcher=Undispatched())
    core = create_core(settings, given, role="test")
    yield core
    with core.app_context():
        db.engine.dispose()


@pytest.fixture
def logged() -> Iterator[Logged]:
    """The lines that are logged meanwhile."""
    with capture_logs() as lines:
        yield lines


@pytest.fixture
def world(app: Flask) -> Iterator[World]:
    """Nothing is left of another test."""
    with app.app_context():
        world = World()
        world.execute("DELETE FROM users")
        yield world
