"""Signing in, staying signed in, signing out, over HTTP."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from apiflask import APIFlask
from flask.testing import FlaskClient

from app.accounts.permissions import Role
from app.config import Settings
from tests.support.database import query
from tests.support.in_process import PASSWORD, Accounts, Caller
from tests.support.waiting import wait_for


@pytest.fixture
def told(settings: Settings) -> Iterator[Callable[[], str]]:
    """Waits for the next message to the socket servers, and returns it."""
    client = redis.Redis.from_url(settings.redis_url.get_secret_value())
    channel = client.pubsub(ignore_subscribe_messages=True)
    channel.subscribe(settings.channel)
    assert wait_for(lambda: client.pubsub_numsub(settings.channel)[0][1], "the subscription")

    def told() -> str:
        message = wait_for(lambda: channel.get_message(timeout=0.1), "a message")
        assert message is not None
        return str(message["data"])

    yield told
    channel.close()
    client.close()


def code(answer: Any) -> tuple[int, str | None]:
    return answer.status_code, (answer.get_json() or {}).get("code")


def test_a_sign_in_answers_with_all_that_a_client_needs(
    http: FlaskClient, accounts: Accounts, settings: Settings
) -> None:
    email = accounts.add()
    answer = http.post("/v1/login", json={"email": email, "password": PASSWORD, "device": "desk"})
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers
    body = answer.get_json()
    assert body["token_type"] == "Bearer"
    assert body["expires_in"] == settings.access_token_minutes * 60
    assert body["refresh_token"].startswith(body["session_id"])
    user = {"id": body["user"]["id"], "email": email, "role": "user", "permissions": []}
    assert body["user"] == user
    assert "csrf_token" not in body


def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(
    http: FlaskClient, accounts: Accounts
) -> None:
    answers = []
    for email in (accounts.add(), "nobody@example.com"):
        answer = http.post("/v1/login", json={"email": email, "password": "wrong one"})
        assert code(answer) == (401, "invalid_credentials")
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        answers.append({**answer.get_json(), "request_id": ""})
    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, "token_missing"),
        ("", "token_missing"),
        ("Basic YTpi", "token_missing"),
        ("Bearer", "token_missing"),
        ("Bearer not.a.token", "token_invalid"),
        ("Bearer \xff", "token_invalid"),
    ],
)
def test_without_a_good_token_there_is_no_way_in(
    http: FlaskClient, header: str | None, expected: str
) -> None:
    headers = {} if header is None else {"Authorization": header}
    answer = http.get("/v1/users/me", headers=headers)
    assert code(answer) == (401, expected)
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_refresh_token_is_no_access_token(http: FlaskClient, user: Caller) -> None:
    headers = {"Authorization": f"Bearer {user.tokens['refresh_token']}"}
    assert code(http.get("/v1/users/me", headers=headers)) == (401, "token_wrong_type")


def test_an_access_token_is_no_refresh_token(user: Caller) -> None:
    assert code(user.refresh(user.tokens["access_token"]))[0] == 422  # longer than any of them
    assert code(user.refresh("x.y")) == (401, "refresh_invalid")


def test_a_refresh_gives_a_pair_that_works(user: Caller) -> None:
    answer = user.refresh()
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.get_json()["refresh_token"] != user.tokens["refresh_token"]
    user.tokens = answer.get_json()
    assert user.call("GET", "/v1/users/me").get_json()["id"] == user.id


def test_a_stolen_refresh_token_ends_the_session_and_the_socket_servers_are_told(
    settings: Settings, user: Caller, told: Callable[[], str]
) -> None:
    renewed = user.refresh().get_json()
    query(
        settings.database_url.get_secret_value(),
        "UPDATE sessions SET rotated_at = now() - interval '1 hour' WHERE id = %s",
        user.tokens["session_id"],
    )
    assert code(user.refresh()) == (401, "refresh_reused")
    assert f"user:{user.id}" in (message := told())
    assert "sessions_changed" in message
    assert code(user.refresh(renewed["refresh_token"])) == (401, "token_revoked")
    assert code(user.call("GET", "/v1/users/me")) == (401, "token_revoked")


def test_a_refresh_without_any_token_is_401(http: FlaskClient) -> None:
    assert code(http.post("/v1/refresh", json={})) == (401, "refresh_missing")


def test_signing_out_ends_the_session_everywhere_and_no_other(
    accounts: Accounts, user: Caller, told: Callable[[], str]
) -> None:
    other_device = accounts.again(user.email)
    answer = user.call("POST", "/v1/logout")
    assert (answer.status_code, answer.data) == (204, b"")
    assert "sessions_changed" in (message := told())
    assert f"user:{user.id}" in message
    assert code(user.call("GET", "/v1/users/me")) == (401, "token_revoked")
    assert code(user.call("POST", "/v1/logout")) == (401, "token_revoked")
    assert code(user.refresh()) == (401, "token_revoked")
    assert other_device.call("GET", "/v1/users/me").status_code == 200


def test_a_token_of_another_secret_is_invalid(
    other_app: Callable[..., APIFlask], user: Caller, settings: Settings
) -> None:
    key = type(settings.secret_key)("another secret that is as long as it must be")
    headers = {"Authorization": f"Bearer {user.tokens['access_token']}"}
    stranger = other_app(secret_key=key).test_client()
    assert code(stranger.get("/v1/users/me", headers=headers)) == (401, "token_invalid")


def test_sessions_are_listed_newest_first_page_by_page(accounts: Accounts, user: Caller) -> None:
    devices = [user, accounts.again(user.email), accounts.again(user.email)]
    first = user.call("GET", "/v1/sessions?limit=2").get_json()
    rest = user.call("GET", "/v1/sessions", query_string={"cursor": first["next"]}).get_json()
    found = first["items"] + rest["items"]
    assert [item["id"] for item in found] == [
        device.tokens["session_id"] for device in reversed(devices)
    ]
    assert [item["current"] for item in found] == [False, False, True]
    assert found[0]["created_at"].endswith("Z")
    assert rest["next"] is None


def test_a_user_ends_a_session_of_another_device(
    accounts: Accounts, user: Caller, told: Callable[[], str]
) -> None:
    lost = accounts.again(user.email)
    path = f"/v1/sessions/{lost.tokens['session_id']}"
    assert user.call("DELETE", path).status_code == 204
    assert "sessions_changed" in told()
    assert code(lost.call("GET", "/v1/users/me")) == (401, "token_revoked")
    assert code(user.call("DELETE", path)) == (404, "session_not_found")
    assert len(user.call("GET", "/v1/sessions").get_json()["items"]) == 1


def test_another_users_session_does_not_exist(accounts: Accounts, user: Caller) -> None:
    other, admin = accounts.caller(), accounts.caller(Role.ADMIN)
    for stranger in (other, admin):
        path = f"/v1/sessions/{user.tokens['session_id']}"
        assert code(stranger.call("DELETE", path)) == (404, "session_not_found")
    assert user.call("GET", "/v1/users/me").status_code == 200
