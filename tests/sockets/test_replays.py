"""What is sent once more: fast for who comes back, at a pace for who asks again and again."""

import time

import pytest

from app.sockets.sender import REPEATS_AT_ONCE, REPEATS_PER_SECOND
from tests.support.api import Api
from tests.support.hostile import Raw, figure, fill
from tests.support.stack import AppServer, Stack

ROWS, PAGE = 2000, 100
REPEATED = "ringback_socket_pages_repeated_total"


@pytest.fixture(params=["eventlet", "gevent"])
def server(request: pytest.FixtureRequest, stack: Stack) -> AppServer:
    return stack.server_under(request.param)


def paced(pages: int) -> float:
    """How long that many take at least, if all of them are kept apart."""
    return (pages - REPEATS_AT_ONCE - 1) / REPEATS_PER_SECOND


def test_a_backlog_comes_fast_and_the_same_again_at_a_pace_of_the_user(
    server: AppServer, stack: Stack, user: Api
) -> None:
    fill(stack.database_url, user, ROWS, 10)
    last, pages, before = f'"seq":{ROWS},', ROWS // PAGE, figure(server, REPEATED)
    with Raw(server, user.token) as one, Raw(server, user.token, after=0) as two:
        two.read_until(last)
        one.read_until('"ready"')
        one.emit("sync", {"after": 0})  # for the first time on this connection
        one.read_until(last)
        assert figure(server, REPEATED) == before, "it was paced, and is not to be"
        asked_again = time.monotonic()
        for raw in (one, two):  # each alone would get its half at once
            raw.emit("sync", {"after": ROWS // 2})
        for raw in (one, two):
            raw.read_until(last)
    assert time.monotonic() - asked_again >= paced(pages)
    assert figure(server, REPEATED) == before + pages


def test_what_was_received_permits_acknowledgements_and_nothing_else(
    server: AppServer, stack: Stack, user: Api
) -> None:
    fill(stack.database_url, user, 200, 10)
    with Raw(server, user.token, after=0) as raw:
        raw.read_until('"seq":200,')
        for seq in range(1, 201):
            raw.emit("ack", {"seq": seq})
        raw.emit("read", {"up_to": 1})
        raw.emit("ack", {"seq": "wrong"})
        assert "invalid_input" in raw.read_until('"error"')

    with Raw(server, user.token, after=0) as raw:
        raw.read_until('"seq":200,')
        for _ in range(70):  # of which each takes no time, so that they come faster than permitted
            raw.emit("nothing", {})
        raw.read_until("too_many_events")
