"""What a server does by itself about its subscription, its connections and their sessions."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask

from app.accounts.tokens import Identity
from app.delivery import events
from app.errors import AppError
from app.operations.metrics import EXTENSION, Metrics
from app.sockets import manager as managing
from app.sockets.connection import Connection, Connections
from app.sockets.manager import ClientManager
from app.sockets.outbox import Outbox
from app.sockets.reading import Reading
from app.sockets.reconcile import Reconciler
from tests.support.api import Api
from tests.support.stack import Stack
from tests.support.waiting import wait_for

LOSSES = 8


class Sender:
    """Notes what would be sent."""

    def __init__(self) -> None:
        self.told: list[tuple[Connection, str]] = []
        self.ended: list[Connection] = []

    def emit(self, connection: Connection, event: str, _: Any) -> None:
        self.told.append((connection, event))

    def close(self, connection: Connection, _: AppError) -> None:
        self.ended.append(connection)

    end = close


class Parts:
    """A reconciler over the real database, whose connections are made by the test."""

    def __init__(self, core: Flask, resume: Callable[[Connection], None] = lambda _: None) -> None:
        self.connections, self.sender = Connections(), Sender()
        sender: Any = self.sender
        self.reconciler = Reconciler(
            core, self.connections, sender, Reading(sender), resume, lambda run, *args: run(*args)
        )

    def connect(self, user: Api, session: str = "") -> Connection:
        session_id = UUID(session or user.tokens["session_id"])
        identity = Identity(UUID(user.user_id), session_id, "user", datetime.now(UTC))
        outbox = Outbox(fetch=lambda *_: [], send=lambda _: True, spawn=lambda _: None)
        connection = Connection(uuid4().hex, identity, "device", outbox, is_ready=True)
        self.connections.add(connection)
        return connection


@pytest.fixture(scope="module")
def core(stack: Stack) -> Flask:
    core = stack.core()
    core.extensions[EXTENSION] = Metrics("none")
    return core


def test_what_changed_for_others_is_told_to_nobody(core: Flask, user: Api) -> None:
    parts = Parts(core)
    parts.connect(user)
    newest = parts.connect(user)
    parts.connections.session_changes += 1  # of anybody
    parts.reconciler.check_if_changed(newest, 0)
    assert (parts.sender.told, parts.sender.ended) == ([], [])


def test_who_connects_while_its_session_ends_is_closed_and_the_users_others_are_told(
    core: Flask, user: Api
) -> None:
    parts = Parts(core)
    other = parts.connect(user)
    newest = parts.connect(user, session=str(uuid4()))  # no session of this id is live
    parts.connections.session_changes += 1
    parts.reconciler.check_if_changed(newest, 0)
    assert parts.sender.ended == [newest]
    assert (other, events.SESSIONS) in parts.sender.told


def test_turns_that_are_asked_for_during_a_turn_become_one(core: Flask, user: Api) -> None:
    turns, go_on = [], threading.Event()

    def resume(connection: Connection) -> None:
        turns.append(connection)
        assert go_on.wait(60)

    parts = Parts(core, resume)
    parts.connect(user)
    first = threading.Thread(target=parts.reconciler.turn)
    first.start()
    wait_for(lambda: turns, "the first turn")
    more = [threading.Thread(target=parts.reconciler.turn) for _ in range(10)]
    for each in more:
        each.start()
    wait_for(lambda: not any(each.is_alive() for each in more) or len(turns) > 1, "ten calls")
    go_on.set()
    for each in (first, *more):
        each.join(60)
    assert len(turns) == 2


class Losing:
    """Gives up each subscription as soon as it stands, and notes how long is waited for the next one."""

    def __init__(self, url: str) -> None:
        self.pauses: list[float] = []
        self.subscriptions = 0
        self.manager = ClientManager(url, f"test-{uuid4().hex}", self)  # type: ignore[arg-type]
        self.manager.server = SimpleNamespace(sleep=self.sleep)

    def subscribed(self) -> None:
        self.subscriptions += 1
        self.manager.renew()

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        if len(self.pauses) == LOSSES:
            raise SystemExit

    def run(self) -> None:
        with pytest.raises(SystemExit):
            next(self.manager._redis_listen_with_retries())
        assert self.subscriptions == LOSSES


def test_subscriptions_that_do_not_hold_are_made_less_and_less_often(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    losing = Losing(stack.environment["RINGBACK_REDIS_URL"])
    losing.run()
    assert losing.pauses[-1] >= managing.MAX_PAUSE_SECONDS / 2
    monkeypatch.setattr(managing, "HELD_SECONDS", 0.0)  # one that did hold
    holding = Losing(stack.environment["RINGBACK_REDIS_URL"])
    holding.run()
    assert max(holding.pauses) <= managing.FIRST_PAUSE_SECONDS
