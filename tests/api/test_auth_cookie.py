"""For pages: the refresh token in a cookie that no script reads and no foreign page can use."""

from collections.abc import Callable
from typing import Any

from apiflask import APIFlask
from flask.testing import FlaskClient
from werkzeug.http import parse_cookie

from tests.support.in_process import PASSWORD, Accounts


def sign_in(http: FlaskClient, accounts: Accounts) -> tuple[dict[str, Any], str]:
    """The body and the Set-Cookie header of a sign-in with a cookie."""
    body = {"email": accounts.add(), "password": PASSWORD, "cookie": True}
    answer = http.post("/v1/login", json=body)
    assert answer.status_code == 200
    return answer.get_json(), answer.headers["Set-Cookie"]


def refresh(http: FlaskClient, csrf_token: str | None) -> Any:
    headers = {} if csrf_token is None else {"X-CSRF-Token": csrf_token}
    return http.post("/v1/refresh", json={}, headers=headers)


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.get_json()["code"]


def test_the_refresh_token_is_in_the_cookie_only(http: FlaskClient, accounts: Accounts) -> None:
    body, cookie = sign_in(http, accounts)
    assert "refresh_token" not in body
    assert parse_cookie(cookie)["ringback_refresh"].startswith(body["session_id"])
    attributes = set(cookie.split("; ")[1:])
    assert {"HttpOnly", "Path=/v1", "SameSite=Strict"} <= attributes
    assert "Secure" not in attributes


def test_in_production_the_cookie_insists_on_https(
    other_app: Callable[..., APIFlask], accounts: Accounts
) -> None:
    http = other_app(environment="production").test_client()
    body, cookie = sign_in(http, accounts)
    assert cookie.startswith("__Secure-ringback_refresh=")
    assert {"Secure", "HttpOnly", "Path=/v1", "SameSite=Strict"} <= set(cookie.split("; "))
    headers = {"X-CSRF-Token": body["csrf_token"]}
    answer = http.post("/v1/refresh", json={}, headers=headers, base_url="https://localhost")
    assert answer.status_code == 200


def test_a_refresh_with_cookie_and_csrf_token_turns_the_cookie(
    http: FlaskClient, accounts: Accounts
) -> None:
    body, first = sign_in(http, accounts)
    answer = refresh(http, body["csrf_token"])
    assert answer.status_code == 200
    assert "refresh_token" not in answer.get_json()
    assert answer.get_json()["csrf_token"] == body["csrf_token"]
    assert parse_cookie(answer.headers["Set-Cookie"]) != parse_cookie(first)
    assert refresh(http, body["csrf_token"]).status_code == 200


def test_a_page_without_the_csrf_token_of_this_session_is_refused_and_nothing_turns(
    web_app: APIFlask, http: FlaskClient, accounts: Accounts
) -> None:
    body, _ = sign_in(http, accounts)
    other, _ = sign_in(web_app.test_client(), accounts)
    for wrong in (None, "", "é", "0" * 64, other["csrf_token"]):
        assert code(refresh(http, wrong)) == (403, "csrf_failed")
    assert refresh(http, body["csrf_token"]).status_code == 200


def test_a_foreign_form_cannot_send_a_refresh(http: FlaskClient, accounts: Accounts) -> None:
    sign_in(http, accounts)
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        answer = http.post("/v1/refresh", data="{}", content_type=kind)
        assert answer.status_code in {403, 415}


def test_an_edited_cookie_is_refused(http: FlaskClient, accounts: Accounts) -> None:
    body, _ = sign_in(http, accounts)
    http.set_cookie("ringback_refresh", f"{body['session_id']}.{'A' * 43}", path="/v1")
    assert code(refresh(http, body["csrf_token"])) == (401, "refresh_invalid")


def test_a_token_in_the_body_wins_over_the_cookie_and_stays_in_the_body(
    http: FlaskClient, accounts: Accounts
) -> None:
    sign_in(http, accounts)
    caller = accounts.caller()
    answer = http.post("/v1/refresh", json={"refresh_token": caller.tokens["refresh_token"]})
    assert answer.get_json()["session_id"] == caller.tokens["session_id"]
    assert answer.get_json()["refresh_token"]
    assert "Set-Cookie" not in answer.headers


def test_signing_out_takes_the_cookie_back(http: FlaskClient, accounts: Accounts) -> None:
    body, _ = sign_in(http, accounts)
    headers = {"Authorization": f"Bearer {body['access_token']}"}
    answer = http.post("/v1/logout", headers=headers)
    assert answer.status_code == 204
    assert answer.headers["Set-Cookie"].startswith("ringback_refresh=;")
    assert code(refresh(http, body["csrf_token"])) == (401, "refresh_missing")
