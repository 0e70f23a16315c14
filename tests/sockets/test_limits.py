"""Limits of a server, of a user and of a client, on real servers where it matters."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest

from app.sockets.door import HANDSHAKE_WAIT_SECONDS
from app.sockets.sessions import TOLD_BEYOND
from app.sockets.strangers import LOOK_SECONDS, STRANGER_SECONDS
from tests.faults.relay import Relay
from tests.support.api import Api
from tests.support.hostile import Raw, figure, is_connected, open_poll, poll
from tests.support.raw import status_of
from tests.support.socket import Listener
from tests.support.stack import AppServer, Stack
from tests.support.waiting import wait_for

MOST, OF_USER = 30, 5
REFUSED = "ringback_socket_handshakes_refused_total"
CLOSED = "ringback_socket_sessions_closed_total"
CONNECTIONS, SESSIONS = "ringback_socket_connections", "ringback_socket_sessions"
SILENT_UNTIL = 45.0  # Engine.IO itself ends a session that is silent for so long


@pytest.fixture(scope="module")
def relay(stack: Stack) -> Iterator[Relay]:
    """Between the limited servers and Postgres."""
    relay = Relay(urlsplit(stack.database_url).port or 5432)
    yield relay
    relay.mend()


@pytest.fixture(scope="module", params=["eventlet", "gevent"])
def limited(request: pytest.FixtureRequest, stack: Stack, relay: Relay) -> Iterator[AppServer]:
    """A server with low limits, which reaches Postgres through the relay."""
    address = urlsplit(stack.database_url)
    through = f"{address.netloc.rpartition('@')[0]}@127.0.0.1:{relay.port}"
    limits = {
        "RINGBACK_DATABASE_URL": address._replace(netloc=through).geturl(),
        "RINGBACK_MAX_SOCKETS": str(MOST),
        "RINGBACK_MAX_SOCKETS_PER_USER": str(OF_USER),
    }
    server = AppServer(stack.environment | limits, stack.folder, request.param)
    server.start()
    yield server
    server.stop()


# What is the same code under either engine.
under_one_engine = pytest.mark.parametrize("limited", ["eventlet"], indirect=True, scope="module")


@pytest.fixture(autouse=True)
def nothing_is_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each test of a limited server it is as empty as before, and serves."""
    yield
    if "limited" in request.fixturenames:
        server = request.getfixturevalue("limited")
        user = request.getfixturevalue("stack").new_user()
        wait_for(lambda: figure(server, SESSIONS) == 0, "no session is left", 60)
        assert figure(server, CONNECTIONS) == 0
        with Listener(server.url).connect(user.token) as listener:
            listener.wait_for("ready")
        wait_for(lambda: figure(server, SESSIONS) == 0, "nor that one", 60)


def refused(server: AppServer, token: str) -> dict[str, Any] | None:
    """What the handshake's refusal says; None if it was not refused."""
    with Raw(server, token) as raw:
        message = raw.read_until("4")
        while message[:2] not in ("40", "44"):
            message = raw.read_until("4")
        if message.startswith("40"):
            return None
        problem: dict[str, Any] = json.loads(message[2:])["data"]
        return problem


@under_one_engine
def test_two_hundred_connections_of_one_user_at_once_are_five(
    limited: AppServer, user: Api, stack: Stack
) -> None:
    other = stack.new_user()
    raws: list[Raw] = []

    def connect(_: int) -> str:
        try:
            raw = Raw(limited, user.token)
        except Exception as error:  # noqa: BLE001  # the server has no session left for it
            return f"no session: {error}"
        raws.append(raw)
        message = raw.read()
        while message is not None and message[:2] not in ("40", "44"):
            message = raw.read()
        return str(message)

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(connect, range(200)))
    accepted = [answer for answer in answers if answer.startswith("40")]
    codes = {"too_many_connections", "server_full", "no session"}
    assert len(accepted) == OF_USER
    assert all(any(code in each for code in codes) for each in answers if each not in accepted)
    assert figure(limited, CONNECTIONS) == OF_USER
    assert figure(limited, SESSIONS) <= MOST + TOLD_BEYOND + 1
    assert figure(limited, REFUSED, code="too_many_connections") > 0
    wait_for(lambda: figure(limited, SESSIONS) <= OF_USER, "the refused are closed", 60)
    assert refused(limited, other.token) is None
    for raw in raws:
        raw.close()


def test_a_full_server_tells_those_who_come_and_serves_those_who_are_there(
    limited: AppServer, stack: Stack
) -> None:
    users = [stack.new_user() for _ in range(MOST // OF_USER)]
    raws = [Raw(limited, user.token) for user in users for _ in range(OF_USER)]
    for raw in raws:
        raw.read_until('"ready"')
    problem = refused(limited, stack.new_user().token)
    assert problem is not None
    assert (problem["code"], problem["retryable"]) == ("server_full", True)
    assert figure(limited, REFUSED, code="server_full") >= 1
    users[0].run("add", a=1, b=1)
    raws[0].read_until('"notification"')
    for raw in raws:
        raw.close()


@under_one_engine
def test_a_handshake_that_is_refused_or_given_up_at_any_stage_leaves_nothing_behind(
    limited: AppServer, user: Api, relay: Relay
) -> None:
    with Raw(limited):
        pass  # gone before it said anything
    for said in (
        "40",
        "40{}",
        '40{"token":"nonsense"}',
        f'40{{"token":"{user.token}","after":-1}}',
    ):
        with Raw(limited) as raw:
            raw.send(said)
            raw.read_until("44")
    with Raw(limited, user.token):
        pass  # gone in the middle
    relay.freeze()
    try:
        waiting = Raw(limited, user.token)
        waiting.close()
    finally:
        relay.mend()


def test_a_session_whose_handshake_is_refused_for_good_is_closed_soon(limited: AppServer) -> None:
    with Raw(limited, "nonsense") as raw:
        raw.read_until("44")
        started = time.monotonic()
        raw.read_to_the_end()
    assert time.monotonic() - started < STRANGER_SECONDS - LOOK_SECONDS


@under_one_engine
def test_handshakes_are_refused_in_time_while_postgres_does_not_answer(
    limited: AppServer, user: Api, relay: Relay
) -> None:
    with Listener(limited.url).connect(user.token) as before:
        before.wait_for("ready")
    relay.freeze()
    try:
        started = time.monotonic()
        with ThreadPoolExecutor(8) as pool:
            problems = list(pool.map(lambda _: refused(limited, user.token), range(8)))
        took = time.monotonic() - started
    finally:
        relay.mend()
    print(f"\n{limited.engine}: 8 handshakes refused in {took:.1f} s")  # noqa: T201
    assert all(problem is not None and problem["retryable"] for problem in problems)
    assert took < 5 * HANDSHAKE_WAIT_SECONDS


def test_a_session_that_never_says_who_it_is_is_closed_and_no_other(
    limited: AppServer, user: Api
) -> None:
    closed = figure(limited, CLOSED, reason="stranger")
    with (
        Listener(limited.url).connect(user.token) as friend,
        Raw(limited) as stranger,
        Raw(limited) as mute,
    ):
        friend.wait_for("ready")
        started = time.monotonic()
        sid = open_poll(limited)
        stranger.read_to_the_end()
        took = time.monotonic() - started
        assert STRANGER_SECONDS / 2 < took < SILENT_UNTIL
        wait_for(lambda: status_of(poll(limited, f"&sid={sid}")) == 400, "both are closed")
        assert figure(limited, CLOSED, reason="stranger") >= closed + 3
        # One that neither reads nor hangs up is hung up on.
        wait_for(lambda: not is_connected(limited, mute.port), "TCP is closed", SILENT_UNTIL)
        user.run("add", a=1, b=1)
        friend.wait_for("notification")
