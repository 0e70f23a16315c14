"""The browser's module in Node, over the official client, against a real server."""

from collections.abc import Iterator
from typing import Any

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
    wait_for(lambda: sent_of(clients, "ack")[-1:] == [{"seq": 3}], "the acknowledgement")


def sent_of(clients: JsClients, name: str) -> list[dict[str, Any]]:
    return [each["payload"] for each in clients.of("a", "sent") if each["name"] == name]


def test_a_cut_connection_is_made_again_and_nothing_is_missed(
    stack: Stack, user: Api, clients: JsClients
) -> None:
    open_client(clients, user, after=0)
    user.run("add", a=1, b=2)
    clients.tell("cut", "a")
    wait_for(lambda: "offline" in names(clients, "a"), "the loss")
    user.run("add", a=3, b=4)
    clients.wait_for_number("a", 2)
    clients.wait_for_state("a", "live")
    assert clients.delivered("a") == [1, 2]
    assert "live" in names(clients, "a")[: names(clients, "a").index("offline")]


def names(clients: JsClients, client: str) -> list[str]:
    return [each["state"]["name"] for each in clients.of(client, "state")]


def test_a_token_is_renewed_before_it_ends_and_the_connection_is_given_it(
    stack: Stack, user: Api, clients: JsClients
) -> None:
    open_client(clients, user, after=0)
    life = user.tokens["expires_in"]
    clients.tell("age", "a", seconds=life * 0.75 - 5)
    clients.tell("reload", "a")
    wait_for(lambda: len(tokens_given(clients)) == 2, "the new token")
    user.run("add", a=1, b=2)
    clients.wait_for_number("a", 1)
    assert len(clients.of("a", "connect")) == 2
    assert clients.state("a") == "live"


def tokens_given(clients: JsClients) -> set[object]:
    """Those that the server was handed, be it with a handshake (on a slow machine) or after it."""
    later = [payload["token"] for payload in sent_of(clients, "authenticate")]
    return {each["token"] for each in clients.of("a", "connect")} | set(later)


def test_a_session_that_was_ended_signs_out_with_the_reason(
    stack: Stack, user: Api, clients: JsClients
) -> None:
    open_client(clients, user)
    mine = user.tokens["session_id"]
    for session in user.ok("GET", "/v1/sessions")["items"]:
        if session["id"] != mine:
            user.ok("DELETE", f"/v1/sessions/{session['id']}")
    clients.wait_for_state("a", "signed-out")
    assert "sign in again" in clients.of("a", "state")[-1]["state"]["reason"].lower()


def test_who_has_too_many_connections_waits_until_there_is_room(
    stack: Stack, user: Api, clients: JsClients
) -> None:
    server = stack.add_server(RINGBACK_MAX_SOCKETS_PER_USER="1")
    try:
        there = {"url": server.url, "email": user.email, "password": user.password}
        clients.tell("open", "a", **there)
        clients.wait_for_state("a", "live")
        clients.tell("open", "b", **there)
        wait_for(lambda: clients.of("b", "refused"), "the refusal")
        assert clients.of("b", "refused")[0]["payload"]["code"] == "too_many_connections"
        clients.wait_for_state("b", "offline")
        clients.tell("stop", "a")
        clients.wait_for_state("b", "live")
    finally:
        server.stop()


def test_read_on_one_device_is_told_to_the_other(
    stack: Stack, user: Api, clients: JsClients
) -> None:
    for name in ("a", "b"):
        open_client(clients, user, name, after=0)
    user.run("add", a=1, b=2)
    clients.wait_for_number("b", 1)
    answer = clients.ask("markRead", "a", up_to=1)
    assert answer["body"] == {"up_to": 1, "unread": 0}
    wait_for(lambda: clients.of("b", "read"), "b is told")
    told = clients.of("b", "read")[-1]["payload"]
    assert (told["up_to"], told["unread"]) == (1, 0)
