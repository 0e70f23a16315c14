"""The handshake, under both engines and with both official clients."""

import json
import time
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
import socketio
import websocket

from tests.support.api import Api
from tests.support.database import connect, query
from tests.support.js_socket import JsListener
from tests.support.socket import Listener
from tests.support.stack import AppServer, Stack
from tests.support.tokens import short_token
from tests.support.waiting import wait_for


@pytest.fixture(params=["eventlet", "gevent"])
def server(request: pytest.FixtureRequest, stack: Stack) -> AppServer:
    return stack.server_under(request.param)


def refusal(server: AppServer, token: Any = None, **auth: Any) -> dict[str, Any]:
    """What the server says when it refuses."""
    with Listener(server.url) as listener:
        with pytest.raises(socketio.exceptions.ConnectionError):
            listener.connect(token, **auth)
        assert listener.refused is not None
        problem: dict[str, Any] = listener.refused["data"]
        return problem


def test_a_signed_in_client_is_told_where_its_inbox_stands(server: AppServer, user: Api) -> None:
    with Listener(server.url).connect(user.token, after=0) as listener:
        assert listener.wait_for("ready") == [{"head": 0, "unread": 0, "read": 0}]


@pytest.mark.parametrize("transports", [["websocket"], ["polling"], ["polling", "websocket"]])
def test_the_javascript_client_connects_over_every_transport(
    server: AppServer, user: Api, transports: list[str]
) -> None:
    with JsListener(server.url, transports, token=user.token, after=0) as listener:
        listener.wait_for("ready")


@pytest.mark.parametrize("transports", [["websocket"], ["polling"], ["polling", "websocket"]])
def test_the_python_client_connects_over_every_transport(
    server: AppServer, user: Api, transports: list[str]
) -> None:
    with Listener(server.url).connect(user.token, transports=transports) as listener:
        listener.wait_for("ready")


def test_a_client_without_a_token_is_refused(server: AppServer) -> None:
    assert refusal(server)["code"] == "token_missing"


def test_a_tampered_token_is_refused(server: AppServer, user: Api) -> None:
    head, body, signature = user.token.split(".")
    assert refusal(server, f"{head}.{body}.{signature[::-1]}")["code"] == "token_invalid"


def test_a_refresh_token_is_refused(server: AppServer, user: Api) -> None:
    assert refusal(server, user.tokens["refresh_token"])["code"] == "token_wrong_type"


def test_an_expired_token_is_refused(server: AppServer, user: Api, stack: Stack) -> None:
    token = short_token(stack, user, timedelta(seconds=-1))
    assert refusal(server, token)["code"] == "token_expired"


def test_a_token_of_an_ended_session_is_refused(server: AppServer, user: Api) -> None:
    user.ok("POST", "/v1/logout")
    assert refusal(server, user.token)["code"] == "token_revoked"


@pytest.mark.parametrize("after", [-1, 2**63, "0", 1.5, [], True])
def test_a_cursor_that_is_no_number_of_an_inbox_is_refused(
    server: AppServer, user: Api, after: Any
) -> None:
    problem = refusal(server, user.token, after=after)
    assert problem["code"] == "invalid_input"
    assert list(problem["errors"]) == ["after"]


def test_a_cursor_beyond_the_inbox_counts_as_its_end(server: AppServer, user: Api) -> None:
    with Listener(server.url).connect(user.token, after=10**6) as listener:
        job = user.submit("add", a=1, b=2)
        listener.wait_for("notification")
        assert listener.numbers == [1]
        assert listener.named("notification")[0]["job_id"] == job["id"]


def test_a_javascript_client_reads_the_code_of_its_refusal(server: AppServer) -> None:
    with JsListener(server.url, token="nonsense") as listener:
        (error,) = listener.wait_for("connect_error")
        assert error["data"]["code"] == "token_invalid"


def test_a_page_of_a_foreign_origin_is_refused(server: AppServer, user: Api) -> None:
    client = socketio.Client(reconnection=False)
    with pytest.raises(socketio.exceptions.ConnectionError):
        client.connect(
            server.url, headers={"Origin": "https://evil.example"}, auth={"token": user.token}
        )


def test_logout_closes_the_sockets_of_the_session_alone(
    server: AppServer, user: Api, stack: Stack
) -> None:
    elsewhere = Api(stack.url, user.email, "a long password")
    with (
        Listener(server.url).connect(user.token) as closed,
        Listener(server.url).connect(elsewhere.token) as kept,
    ):
        closed.wait_for("ready")
        kept.wait_for("ready")
        user.ok("POST", "/v1/logout")
        closed.wait_until_disconnected(10)
        assert closed.named("error")[-1]["code"] == "token_revoked"
        elsewhere.run("add", a=1, b=1)
        kept.wait_for("notification")


def test_a_disabled_users_sockets_are_closed_at_once(
    server: AppServer, user: Api, stack: Stack
) -> None:
    with Listener(server.url).connect(user.token) as listener:
        listener.wait_for("ready")
        stack.admin.ok("PATCH", f"/v1/users/{user.user_id}", json={"active": False})
        listener.wait_until_disconnected(10)


def test_a_connection_ends_with_its_token_unless_a_new_one_is_handed_in(
    server: AppServer, user: Api, stack: Stack
) -> None:
    with (
        Listener(server.url).connect(short_token(stack, user, timedelta(seconds=3))) as left,
        Listener(server.url).connect(short_token(stack, user, timedelta(seconds=3))) as renewed,
    ):
        renewed.wait_for("ready")
        renewed.client.emit("authenticate", {"token": user.token})
        left.wait_until_disconnected(15)
        assert left.named("error")[-1]["code"] == "token_expired"
        user.run("add", a=1, b=1)
        renewed.wait_for("notification")


def test_another_users_token_does_not_extend_a_connection(
    server: AppServer, user: Api, stack: Stack
) -> None:
    with Listener(server.url).connect(user.token) as listener:
        listener.wait_for("ready")
        listener.client.emit("authenticate", {"token": stack.new_user().token})
        listener.wait_until_disconnected(10)
        assert listener.named("error")[-1]["code"] == "token_wrong_user"


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        ("ack", None),
        ("ack", {"seq": -1}),
        ("ack", {"seq": "1"}),
        ("ack", {"seq": 2**70}),
        ("ack", [1, 2]),
        ("ack", b"binary"),
        ("sync", {"after": {}}),
        ("sync", {"after": 1, "user": "another"}),
        ("authenticate", {"token": 5}),
    ],
)
def test_a_nonsense_event_is_answered_with_an_error_and_the_connection_stays(
    server: AppServer, user: Api, event: str, payload: Any
) -> None:
    with Listener(server.url).connect(user.token) as listener:
        listener.wait_for("ready")
        listener.client.emit(event, payload)
        assert listener.wait_for("error")[0]["code"] == "invalid_input"
        user.run("add", a=1, b=1)
        listener.wait_for("notification")


def test_a_client_that_leaves_during_its_handshake_is_forgotten(
    server: AppServer, user: Api, stack: Stack
) -> None:
    with closing(connect(stack.database_url)) as database, database.cursor() as cursor:
        cursor.execute("BEGIN; LOCK TABLE inboxes IN ACCESS EXCLUSIVE MODE")
        client = websocket.create_connection(
            server.url.replace("http", "ws") + "/socket.io/?EIO=4&transport=websocket"
        )
        client.send("40" + json.dumps({"token": user.token}))
        wait_for(lambda: waits_for_lock(stack), "the handshake at the lock")
        client.close()
        cursor.execute("COMMIT")
    with Listener(server.url).connect(user.token) as listener:
        listener.wait_for("ready")
        user.ok("POST", "/v1/logout")
        listener.wait_until_disconnected(10)
    # Several turns of the reconciliation later, it was closed once: nobody else was left to close.
    time.sleep(2)
    log = server.process.log.read_text().splitlines()
    closed = [line for line in log if "client disconnected" in line and user.user_id in line]
    assert len(closed) == 1


def waits_for_lock(stack: Stack) -> bool:
    waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database()"
    return bool(query(stack.database_url, f"{waiting} AND wait_event_type = 'Lock'"))
