"""Connecting again, and the end of it all."""

import random
import time
from typing import Any
from urllib.parse import urlsplit

import pytest

from app.client import Ringback, State
from app.client import connection as module
from app.client.connection import End
from tests.client.support import PASSWORD
from tests.faults.relay import Relay
from tests.support.api import Api
from tests.support.stack import Stack
from tests.support.waiting import wait_for


@pytest.mark.parametrize(
    ("lasted", "pauses"), [(0.5, [0.1, 0.2, 0.4, 0.8]), (60.0, [0.1, 0.1, 0.1, 0.1])]
)
def test_pauses_grow_until_a_connection_has_lasted_for_a_while(
    monkeypatch: pytest.MonkeyPatch, stack: Stack, user: Api, lasted: float, pauses: list[float]
) -> None:
    def live_once(connection: module.Connection) -> End:
        connection._delivery.tell(State("connecting"))
        return End("it was lost", lasted=lasted)

    monkeypatch.setattr(random, "uniform", lambda _, limit: limit)
    monkeypatch.setattr(module, "FIRST_SECONDS", 0.1)
    monkeypatch.setattr(module.Connection, "_live_once", live_once)
    states: list[State] = []
    with Ringback(stack.url, email=user.email, password=PASSWORD, on_state=states.append):
        wait_for(lambda: len(paused(states)) >= 4, "four pauses")
    assert paused(states)[:4] == pauses


def test_how_long_a_connection_lasted_counts_from_its_beginning(
    monkeypatch: pytest.MonkeyPatch, stack: Stack, user: Api
) -> None:
    relay, states, ends = Relay(urlsplit(stack.url).port or 0), list[State](), list[End]()
    pause = module.Connection._pause

    def note(connection: module.Connection, end: End, seconds: float) -> None:
        ends.append(end)
        pause(connection, end, seconds)

    monkeypatch.setattr(module.Connection, "_pause", note)
    url = f"http://localhost:{relay.port}"
    begin = time.monotonic()
    with Ringback(url, email=user.email, password=PASSWORD, on_state=states.append):
        wait_for(lambda: states and states[-1].name == "live", "the connection")
        relay.cut()
        wait_for(lambda: len(ends) >= 2, "the ends of this connection, and of an attempt")
        assert 0 < ends[0].lasted < time.monotonic() - begin
        assert ends[1].lasted == 0


@pytest.mark.parametrize("is_renewing", [False, True])
def test_closing_takes_some_seconds_when_the_server_is_silent(
    stack: Stack, user: Api, is_renewing: bool
) -> None:
    relay, states = Relay(urlsplit(stack.url).port or 0), list[State]()
    url = f"http://localhost:{relay.port}"
    ringback = Ringback(url, email=user.email, password=PASSWORD, on_state=states.append)
    ringback.open()
    wait_for(lambda: states and states[-1].name == "live", "the connection")
    relay.freeze()
    if is_renewing:
        tokens = ringback._session._tokens
        assert tokens is not None
        tokens.due = tokens.expires = time.monotonic()
        wait_for(lambda: is_held(ringback._session._lock), "the renewal")
    begin = time.monotonic()
    ringback.close()
    seconds = time.monotonic() - begin
    relay.cut()
    assert seconds < 11


def is_held(lock: Any) -> bool:
    if lock.acquire(blocking=False):
        lock.release()
        return False
    return True


def paused(states: list[State]) -> list[float | None]:
    return [each.retry_in for each in states if each.name == "offline"]
