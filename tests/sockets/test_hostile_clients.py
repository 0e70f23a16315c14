"""Clients that send what they should not: the server answers or closes, and goes on, under both engines."""

import base64
import contextlib
import os
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import websocket

from tests.sockets.test_handshake import short_token
from tests.support.api import Api
from tests.support.hostile import Raw, figure, fill, open_poll, poll
from tests.support.raw import flood, status_of
from tests.support.socket import Listener
from tests.support.stack import AppServer, Stack
from tests.support.waiting import wait_for

CONNECTIONS = "ringback_socket_connections"
CLOSED = "ringback_socket_sessions_closed_total"
ENDED = "ringback_socket_connections_ended_total"
TEN_MEGABYTES = 10 * 1024 * 1024
BROKEN: list[str | bytes] = [
    "x",
    "",
    "9",
    "4",
    "4x",
    "49",
    "42",
    "42{",
    "42[",
    "42{}",
    "42[]",
    "42[1]",
    "42[null,{}]",
    '42["ack"' + "," * 50,
    "42" + "[" * 50_000,
    "42/nowhere,[]",
    '40/nowhere,{"token":1}',
    "40[]",
    "40{",
    '451-["ack",{"_placeholder":true,"num":7}]',
    "4599999999999-[]",
    "45-1-[]",
    "46[]",
    "430[]",
    "43999999999999999999999999[1]",
    '44{"message":"refused"}',
    "bnonsense",
    b"",
    b"\xff\xfe\x00",
    b'2["ack",{"seq":1}]',
    "0{}",
    "2",
    "3",
    "5",
    "6",
    "\u0000\ud7ff",
]

LIES: list[Any] = [-1, 2**63, "0", 1.5, None, True, [], "\u202e"]


@pytest.fixture(params=["eventlet", "gevent"])
def server(request: pytest.FixtureRequest, stack: Stack) -> AppServer:
    return stack.server_under(request.param)


@pytest.fixture(autouse=True)
def goes_on(server: AppServer, stack: Stack) -> Iterator[None]:
    """Whatever was done to the server, a normal client is rung, and no handler broke."""
    traces = server.process.log.read_text().count("Traceback")
    yield
    user = stack.new_user()
    with Listener(server.url).connect(user.token) as listener:
        listener.wait_for("ready")
        user.run("add", a=1, b=1)
        listener.wait_for("notification")
    assert server.process.log.read_text().count("Traceback") == traces


@pytest.mark.parametrize("event", ["ack", "nobody knows this event"])
def test_who_floods_events_is_warned_once_and_then_closed(
    server: AppServer, user: Api, event: str
) -> None:
    before = figure(server, ENDED, reason="too_many_events")
    with Raw(server, user.token) as raw:
        raw.read_until('"ready"')
        for _ in range(500):
            if not raw.emit(event, {"seq": 1}):
                break
        told = [message for message in raw.read_to_the_end() if "too_many_events" in message]
    assert 1 <= len(told) <= 2  # the warning, and the reason of the end if it was still read
    wait_for(lambda: figure(server, ENDED, reason="too_many_events") == before + 1, "counted")


def test_who_floods_without_a_handshake_is_closed(server: AppServer) -> None:
    with Raw(server) as raw:
        for _ in range(500):
            if not raw.send("40[]"):
                break
        raw.read_to_the_end()


def test_an_acknowledgement_of_each_notification_is_no_flood(
    server: AppServer, stack: Stack, user: Api
) -> None:
    fill(stack.database_url, user, 300, 10)
    with Listener(server.url, acks=True).connect(user.token, after=0) as listener:
        listener.wait_for("notification", 300)
        last = listener.named("notification")[-1]["id"]
        path = f"/v1/notifications/{last}"
        wait_for(lambda: user.ok("GET", path)["acknowledgements"], "the last acknowledgement")
        assert listener.named("error") == []


@pytest.mark.parametrize(
    "data", ["x" * TEN_MEGABYTES, b"x" * TEN_MEGABYTES], ids=["text", "binary"]
)
def test_a_message_of_ten_megabytes_closes_the_connection(
    server: AppServer, user: Api, data: str | bytes
) -> None:
    with Raw(server, user.token) as raw:
        raw.read_until('"ready"')
        raw.send(data)
        raw.read_to_the_end()


def test_a_message_in_parts_is_measured_as_a_whole(server: AppServer, user: Api) -> None:
    part = b"x" * 60_000
    with Raw(server, user.token) as raw:
        raw.read_until('"ready"')
        first = websocket.ABNF(0, 0, 0, 0, websocket.ABNF.OPCODE_TEXT, 1, part)
        following = websocket.ABNF(0, 0, 0, 0, websocket.ABNF.OPCODE_CONT, 1, part)
        taken = 0
        with contextlib.suppress(OSError, websocket.WebSocketException):
            raw.socket.send_frame(first)
            while taken < TEN_MEGABYTES:
                raw.socket.send_frame(following)
                taken += len(part)
        assert taken < TEN_MEGABYTES
        raw.read_to_the_end()


@pytest.mark.parametrize(
    "body", [b"x" * 100_000, base64.b64encode(os.urandom(60_000)) + b"\x1e" * 20]
)
def test_a_poll_that_posts_too_much_is_refused(server: AppServer, body: bytes) -> None:
    sid = open_poll(server)
    assert status_of(poll(server, f"&sid={sid}", body)) in (200, 400)
    announced = b"POST /socket.io/?EIO=4&transport=polling&sid=%s HTTP/1.1\r\nHost: x\r\n"
    head = announced % sid.encode() + b"Content-Length: %d\r\n\r\n" % TEN_MEGABYTES
    _, answer = flood(server.url, head, b"x" * 65536, TEN_MEGABYTES)
    assert status_of(answer) in (0, 400, 413)


def test_packets_that_are_none_close_at_most_their_own_connection(
    server: AppServer, user: Api
) -> None:
    with Listener(server.url).connect(user.token) as friend:
        friend.wait_for("ready")
        for data in BROKEN:
            with Raw(server, user.token) as raw:
                raw.read_until('"ready"')
                raw.send(data)
                raw.emit("sync", {"after": "text"})  # answered, if it was not closed
                while (message := raw.read()) is not None and "invalid_input" not in message:
                    pass
        user.run("add", a=1, b=1)
        friend.wait_for("notification")
        wait_for(lambda: figure(server, CONNECTIONS) == 1, "no other connection is left")


def test_polled_packets_that_are_none_do_no_harm(server: AppServer) -> None:
    for data in (b"x", b"4x", b"42[", b"", b"bnonsense", b"4" + b"\x1e4" * 40, b"\xff\xfe"):
        assert status_of(poll(server, f"&sid={open_poll(server)}", data)) in (200, 400)


def test_a_lie_about_the_place_in_the_inbox_is_an_error(server: AppServer, user: Api) -> None:
    with Listener(server.url).connect(user.token) as listener:
        listener.wait_for("ready")
        for after in LIES:
            listener.client.emit("sync", {"after": after})
        codes = [error["code"] for error in listener.wait_for("error", len(LIES))]
    assert codes == ["invalid_input"] * len(LIES)


def test_the_place_of_another_users_inbox_shows_nothing_of_it(
    server: AppServer, stack: Stack, user: Api
) -> None:
    other = stack.new_user()
    fill(stack.database_url, other, 50, 10)
    user.run("add", a=1, b=1)
    with Listener(server.url).connect(user.token, after=40) as listener:
        listener.wait_for("ready")
        for after in (49, 2**63 - 1, 0):
            listener.client.emit("sync", {"after": after})
        listener.wait_for("notification")
        user.run("add", a=1, b=1)
        listener.wait_for("notification", 2)
        assert listener.numbers == [1, 2]


@pytest.mark.parametrize("server", ["eventlet"], indirect=True)  # the same code under either
def test_a_token_that_expires_in_a_long_replay_ends_it_and_the_next_one_goes_on(
    server: AppServer, stack: Stack, user: Api
) -> None:
    count = 2000  # eight to a page, fifty pages a second: that takes longer than the token lives
    fill(stack.database_url, user, count, 8000)
    token = short_token(stack, user, timedelta(seconds=3))
    with Listener(server.url).connect(token, after=0) as first:
        first.wait_until_disconnected(60)
        assert first.named("error")[-1]["code"] == "token_expired"
    assert 0 < first.numbers[-1] < count
    with Listener(server.url).connect(user.token, after=first.numbers[-1]) as second:
        wait_for(lambda: second.numbers[-1:] == [count], "the rest", 120)
    assert first.numbers + second.numbers == list(range(1, count + 1))


def test_a_session_is_not_left_behind_by_what_closes_it(server: AppServer, user: Api) -> None:
    before = figure(server, CLOSED, reason="broken_packet")
    with Raw(server, user.token) as raw:
        raw.read_until('"ready"')
        raw.send("42[")
        raw.read_to_the_end()
    assert figure(server, CLOSED, reason="broken_packet") == before + 1
    wait_for(lambda: figure(server, CONNECTIONS) == 0, "nobody is connected")
