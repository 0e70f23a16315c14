"""How acknowledgements are written: few at once, few of one client, and none forgotten."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask

from app.accounts.tokens import Identity
from app.errors import ServerBusy
from app.notifications import inbox
from app.sockets import acknowledgements
from app.sockets.acknowledgements import WRITES_AT_ONCE, Acknowledgements
from app.sockets.connection import Connection
from app.sockets.outbox import Outbox
from tests.support.api import Api
from tests.support.database import query
from tests.support.hostile import fill
from tests.support.stack import Stack
from tests.support.waiting import wait_for

ROWS = "SELECT count(*), max(to_seq) FROM acknowledgements WHERE user_id = %s"
CLIENTS = 30


class Threads:
    """Starts threads, and waits for all of them."""

    def __init__(self) -> None:
        self.started: list[threading.Thread] = []

    def start(self, function: Callable[..., None], *args: Any) -> None:
        self.started.append(threading.Thread(target=function, args=args))
        self.started[-1].start()

    def wait(self) -> None:
        for each in self.started:
            each.join(60)
            assert not each.is_alive()


@pytest.fixture(scope="module")
def core(stack: Stack) -> Flask:
    return stack.core()


@pytest.fixture
def threads() -> Iterator[Threads]:
    threads = Threads()
    yield threads
    threads.wait()


@pytest.fixture
def stored(core: Flask, threads: Threads) -> Acknowledgements:
    return Acknowledgements(core, threads.start, time.sleep)


def connect(user: Api, device: str) -> Connection:
    identity = Identity(UUID(user.user_id), uuid4(), "user", datetime.now(UTC))
    outbox = Outbox(fetch=lambda *_: [], send=lambda _: True, spawn=lambda _: None)
    return Connection(uuid4().hex, identity, device, outbox)


def test_those_of_many_clients_at_once_leave_the_connection_pool_to_others(
    stack: Stack,
    user: Api,
    stored: Acknowledgements,
    threads: Threads,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fill(stack.database_url, user, 3, 10)
    write, lock, at_work = inbox.acknowledge, threading.Lock(), [0, 0]

    def counted(*args: Any) -> None:
        with lock:
            at_work[0] += 1
            at_work[1] = max(at_work)
        write(*args)
        time.sleep(0.02)
        with lock:
            at_work[0] -= 1

    monkeypatch.setattr(inbox, "acknowledge", counted)
    clients = [connect(user, f"device-{number}") for number in range(CLIENTS)]
    for client in clients:
        client.acked = 3
        stored.store_soon(client)
    threads.wait()
    assert at_work == [0, WRITES_AT_ONCE]
    assert query(stack.database_url, ROWS, user.user_id) == [(CLIENTS, 3)]


def test_a_client_that_acknowledges_each_number_makes_a_row_a_second_at_most(
    stack: Stack, user: Api, stored: Acknowledgements, threads: Threads
) -> None:
    fill(stack.database_url, user, 100, 10)
    client, begun = connect(user, "busy"), time.monotonic()
    for seq in range(1, 101):
        client.acked = seq
        stored.store_soon(client)
        time.sleep(0.01)
    threads.wait()
    ((rows, last),) = query(stack.database_url, ROWS, user.user_id)
    assert last == 100
    assert rows <= 1 + (time.monotonic() - begun)


def test_who_gets_no_turn_in_time_is_taken_up_later(
    stack: Stack,
    core: Flask,
    user: Api,
    threads: Threads,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fill(stack.database_url, user, 3, 10)
    monkeypatch.setattr(acknowledgements, "WRITE_WAIT_SECONDS", 0.05)
    stored, client = Acknowledgements(core, threads.start, time.sleep), connect(user, "late")
    client.acked = 2
    turns = [stored._writes.one() for _ in range(WRITES_AT_ONCE)]
    for turn in turns:
        turn.__enter__()
    with pytest.raises(ServerBusy), stored._writes.one():
        pass
    stored.store_soon(client)
    wait_for(lambda: not client.storing, "it is given up")
    assert query(stack.database_url, ROWS, user.user_id) == [(0, None)]
    for turn in turns:
        turn.__exit__(None, None, None)
    stored.store_soon(client)
    threads.wait()
    assert query(stack.database_url, ROWS, user.user_id) == [(1, 2)]
