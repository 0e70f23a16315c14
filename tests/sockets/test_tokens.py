"""Tokens on live sockets: whoever is signed out is cut off, on every process, with and without Redis."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.faults.relay import Relay
from tests.support.api import Api
from tests.support.socket import Listener
from tests.support.stack import AppServer, Stack
from tests.support.tokens import short_token

NOBODY = "redis://127.0.0.1:1/0"  # no Redis answers there
NEVER = "3600"
PASSWORD = "a long password"
# A second is what is promised; this machine may be busy with other tests.
SOON = 10.0
RACES = 12


@pytest.fixture(scope="module")
def hearing(stack: Stack) -> list[AppServer]:
    """Two servers that learn of sessions through Redis or not at all."""
    return [
        stack.add_server(engine, RINGBACK_RECONCILE_SECONDS=NEVER)
        for engine in ("eventlet", "gevent")
    ]


@pytest.fixture(scope="module")
def deaf(stack: Stack) -> AppServer:
    """One that neither hears from Redis nor can publish there; it asks Postgres by itself."""
    return stack.add_server(RINGBACK_REDIS_URL=NOBODY)


def end_session(stack: Stack, user: Api, other: Api) -> None:
    user.ok("DELETE", f"/v1/sessions/{other.tokens['session_id']}")


def log_out(stack: Stack, user: Api, other: Api) -> None:
    other.ok("POST", "/v1/logout")


def change_password(stack: Stack, user: Api, other: Api) -> None:
    passwords = {"present_password": PASSWORD, "new_password": "another long password"}
    user.ok("PATCH", "/v1/users/me", json=passwords)


def use_a_refresh_token_again(stack: Stack, user: Api, other: Api) -> None:
    stolen = other.tokens["refresh_token"]
    newer = other.ok("POST", "/v1/refresh", json={"refresh_token": stolen})["refresh_token"]
    other.ok("POST", "/v1/refresh", json={"refresh_token": newer})
    answer = other.call("POST", "/v1/refresh", json={"refresh_token": stolen})
    assert answer.json()["code"] == "refresh_reused"


def disable(stack: Stack, user: Api, other: Api) -> None:
    stack.admin.ok("PATCH", f"/v1/users/{user.user_id}", json={"active": False})


Way = Callable[[Stack, Api, Api], None]
ONE_SESSION = [end_session, log_out, change_password, use_a_refresh_token_again]


@pytest.fixture
def listen() -> Iterator[Callable[[AppServer, Api], Listener]]:
    """Connects, waits until it is live, and closes at the end."""
    with ExitStack() as stack:

        def connect(server: AppServer, user: Api) -> Listener:
            listener = stack.enter_context(Listener(server.url)).connect(user.token, after=0)
            listener.wait_for("ready")
            return listener

        yield connect


Listen = Callable[[AppServer, Api], Listener]


def assert_cut_off(listener: Listener) -> None:
    listener.wait_until_disconnected(SOON)
    assert [each["code"] for each in listener.named("error")] == ["token_revoked"]


@pytest.mark.parametrize("way", ONE_SESSION, ids=lambda way: way.__name__)
def test_the_end_of_a_session_closes_its_sockets_on_every_process_and_tells_the_others(
    way: Way, stack: Stack, hearing: list[AppServer], user: Api, listen: Listen
) -> None:
    other = Api(stack.url, user.email, PASSWORD)
    ended = [listen(server, other) for server in hearing]
    kept = [listen(server, user) for server in hearing]
    way(stack, user, other)
    for listener in ended:
        assert_cut_off(listener)
    for listener in kept:
        assert listener.wait_for("sessions")[0] == {}
    user.run("add", a=1, b=1)
    for listener in kept:
        listener.wait_for("notification")


def test_a_disabled_user_is_cut_off_everywhere(
    stack: Stack, hearing: list[AppServer], user: Api, listen: Listen
) -> None:
    other = Api(stack.url, user.email, PASSWORD)
    ended = [listen(server, who) for server in hearing for who in (user, other)]
    disable(stack, user, other)
    for listener in ended:
        assert_cut_off(listener)


@pytest.mark.parametrize("way", [*ONE_SESSION, disable], ids=lambda way: way.__name__)
def test_without_redis_the_next_turn_finds_what_has_ended(
    way: Way, stack: Stack, deaf: AppServer, user: Api, listen: Listen
) -> None:
    other = Api(stack.url, user.email, PASSWORD)
    ended, mine = listen(deaf, other), listen(deaf, user)
    way(stack, user, other)
    assert_cut_off(ended)
    if way is disable:
        assert_cut_off(mine)
    else:
        mine.wait_for("sessions")


def test_a_server_that_cannot_publish_closes_its_own_and_the_others_find_out(
    stack: Stack, deaf: AppServer, user: Api, listen: Listen
) -> None:
    mine = Api(deaf.url, user.email, PASSWORD)
    ended = [listen(server, mine) for server in (deaf, stack.server)]
    mine.ok("POST", "/v1/logout")
    for listener in ended:
        assert_cut_off(listener)


def authenticate(listener: Listener, token: str) -> None:
    listener.client.emit("authenticate", {"token": token})


def test_a_token_of_another_session_of_the_same_user_takes_over(
    stack: Stack, hearing: list[AppServer], user: Api, listen: Listen
) -> None:
    other = Api(stack.url, user.email, PASSWORD)
    for server in hearing:
        listener = listen(server, user)
        authenticate(listener, other.token)
        # The next event is handled after it: when that is answered, the connection has changed over.
        listener.client.emit("read", {"up_to": 0})
        listener.wait_for("read")
    user.ok("POST", "/v1/logout")
    listener.wait_for("sessions")
    assert listener.client.connected
    other.ok("POST", "/v1/logout")
    assert_cut_off(listener)


def test_a_token_that_counts_no_more_closes_the_connection_with_its_reason(
    stack: Stack, hearing: list[AppServer], user: Api, listen: Listen
) -> None:
    other = Api(stack.url, user.email, PASSWORD)
    other.ok("POST", "/v1/logout")
    stranger = stack.new_user()
    for server in hearing:
        for token, code in (
            (other.token, "token_revoked"),
            (stranger.token, "token_wrong_user"),
            (user.tokens["refresh_token"], "token_wrong_type"),
            ("nonsense", "token_invalid"),
        ):
            listener = listen(server, user)
            authenticate(listener, token)
            listener.wait_until_disconnected(SOON)
            assert [each["code"] for each in listener.named("error")] == [code]


@pytest.mark.parametrize("engine", [0, 1], ids=["eventlet", "gevent"])
def test_a_token_whose_session_ends_while_it_is_handed_in_does_not_live_on(
    engine: int, stack: Stack, hearing: list[AppServer], user: Api, listen: Listen
) -> None:
    for _ in range(RACES):
        other = Api(stack.url, user.email, PASSWORD)
        listener = listen(hearing[engine], user)
        authenticate(listener, other.token)
        other.ok("POST", "/v1/logout")
        listener.wait_until_disconnected(SOON)
        assert [each["code"] for each in listener.named("error")] == ["token_revoked"]


@pytest.mark.parametrize("engine", ["eventlet", "gevent"])
def test_while_postgres_is_away_no_token_is_called_wrong_and_the_connection_stays(
    engine: str, stack: Stack, user: Api, listen: Listen
) -> None:
    address = urlsplit(stack.database_url)
    relay = Relay(address.port or 5432)
    url = stack.database_url.replace(f":{address.port}/", f":{relay.port}/")
    assert url != stack.database_url
    server = stack.add_server(engine, RINGBACK_DATABASE_URL=url)
    try:
        listener = listen(server, user)
        relay.cut()
        for event, payload in (("authenticate", {"token": user.token}), ("read", {"up_to": 1})):
            count = len(listener.named("error"))
            listener.client.emit(event, payload)
            error: dict[str, Any] = listener.wait_for("error", count + 1)[-1]
            assert (error["code"], error["retryable"]) == ("database_unavailable", True)
        relay.mend()
        user.run("add", a=1, b=1)
        listener.wait_for("notification")
        authenticate(listener, user.token)
        listener.client.emit("read", {"up_to": 1})
        assert listener.wait_for("read")[-1]["up_to"] == 1
        assert len(listener.named("error")) == 2
    finally:
        relay.mend()
        server.stop()
        relay.cut()


def test_a_token_that_expires_closes_its_connection_unless_a_newer_one_was_handed_in(
    stack: Stack, hearing: list[AppServer], deaf: AppServer, user: Api
) -> None:
    """On its time, whatever Redis and the turns do."""
    with ExitStack() as closing:
        left: list[Listener] = []
        renewed: list[Listener] = []
        for server in (*hearing, deaf):
            short = short_token(stack, user, timedelta(seconds=4))
            for listeners in (left, renewed):
                listener = closing.enter_context(Listener(server.url)).connect(short, after=0)
                listener.wait_for("ready")
                listeners.append(listener)
        for listener in renewed:
            authenticate(listener, user.token)
        for listener in left:
            listener.wait_until_disconnected(SOON)
            assert [each["code"] for each in listener.named("error")] == ["token_expired"]
        user.run("add", a=1, b=1)
        for listener in renewed:
            listener.wait_for("notification")
        assert [listener.named("error") for listener in renewed] == [[], [], []]
