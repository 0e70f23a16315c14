"""The browser's module in Node, over the official client, against a real server."""

from collections.abc import Iterator

import pytest

from tests.support.api import Api
from tests.support.js_clients import JsClients
from tests.support.stack import Stack
from tests.support.waiting import wait_for


@pytest.fixture
def clients() -> Iterator[JsClients]:
    with JsClients() as clients:
        yield clients


def open_client(clients: JsClients, user: Api, name: str = "a", **more: object) -> str:
    who = {"url": user.url, "email": user.email, "password": user.password}
    clients.tell("open", name, **who, **more)
    clients.wait_for_state(name, "live")
    return name


def test_what_came_while_it_was_away_is_delivered_once(
    stack: Stack, user: Api, clients: JsClients
) -> None:
    open_client(clients, user, after=0)
    user.run("add", a=1, b=2)
    clients.wait_for_number("a", 1)
    clients.tell("stop", "a")
    clients.wait_for_state("a", "offline")
    for number in (2, 3):
        user.run("add", a=number, b=0)
    clients.tell("reload", "a")
    clients.wait_for_number("a", 3)
    assert clients.delivered("a") == [1, 2, 3]
    assert [each["after"] for each in clients.of("a", "connect")] == [0, 1]


def test_a_lost_number_is_asked_for_and_what_comes_twice_is_dropped(
    stack: Stack, user: Api, clients: JsClients
) -> None:
    open_client(clients, user, after=0)
    clients.tell("drop", "a", seqs=[1])
    for number in (1, 2, 3):
        user.run("add", a=number, b=0)
    clients.wait_for_number("a", 3)
    assert clients.delivered("a") == [1, 2, 3]
    assert clients.raw("a").count(1) == 2
    sent = [each["name"] for each in clients.of("a", "sent")]
    assert sent.count("sync") == 1
    wait_for(
        lambda: (
            {"name": "ack", "payload": {"seq": 3}}.items() <= clients.of("a", "sent")[-1].items()
        ),
        "ack",
    )
