"""The caller's own account, and administrators' work on everybody's."""

from typing import Any

import pytest

from app.accounts.permissions import Role
from app.config import Settings
from tests.support.database import query
from tests.support.in_process import PASSWORD, Accounts, Caller

NEW_PASSWORD = "another long password"


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.get_json()["code"]


def new_user(**changes: Any) -> dict[str, Any]:
    return {"email": "new@example.com", "password": PASSWORD} | changes


def test_a_user_sees_the_own_account_without_its_hash(user: Caller) -> None:
    body = user.call("GET", "/v1/users/me").get_json()
    assert set(body) == {"id", "email", "role", "permissions", "active", "created_at"}
    assert (body["email"], body["role"], body["active"]) == (user.email, "user", True)


def test_a_role_of_another_version_is_shown_as_it_is_and_holds_nothing(
    accounts: Accounts, admin: Caller, settings: Settings
) -> None:
    url, user = settings.database_url.get_secret_value(), accounts.caller(Role.ADMIN)
    query(url, "UPDATE users SET role = 'night_watch' WHERE id = %s", user.id)
    for caller, path in ((user, "/v1/users/me"), (admin, f"/v1/users/{user.id}")):
        shown = caller.ok("GET", path)
        assert (shown["role"], shown["permissions"]) == ("night_watch", [])
    assert code(user.call("GET", "/v1/users")) == (403, "permission_missing")


def test_a_new_password_replaces_the_old_one_and_ends_the_other_sessions(
    accounts: Accounts, user: Caller
) -> None:
    other_device = accounts.again(user.email)
    change = {"present_password": PASSWORD, "new_password": NEW_PASSWORD}
    assert user.call("PATCH", "/v1/users/me", json=change).status_code == 200
    assert user.call("GET", "/v1/users/me").status_code == 200
    assert code(other_device.call("GET", "/v1/users/me")) == (401, "token_revoked")
    old = {"email": user.email, "password": PASSWORD}
    assert code(user.http.post("/v1/login", json=old)) == (401, "invalid_credentials")
    assert accounts.again(user.email, NEW_PASSWORD).id == user.id


def test_a_wrong_present_password_changes_nothing(accounts: Accounts, user: Caller) -> None:
    change = {"present_password": "wrong", "new_password": NEW_PASSWORD}
    answer = user.call("PATCH", "/v1/users/me", json=change)
    assert code(answer) == (422, "wrong_password")
    assert list(answer.get_json()["errors"]) == ["present_password"]
    assert accounts.again(user.email).id == user.id


def test_nobody_makes_himself_an_administrator(user: Caller) -> None:
    change = {"present_password": PASSWORD, "new_password": NEW_PASSWORD, "role": "admin"}
    answer = user.call("PATCH", "/v1/users/me", json=change)
    assert list(answer.get_json()["errors"]) == ["role"]


def test_an_administrator_adds_a_user_who_can_sign_in(accounts: Accounts, admin: Caller) -> None:
    answer = admin.call("POST", "/v1/users", json=new_user(email="Some.One@EXAMPLE.com"))
    assert answer.status_code == 201
    body = answer.get_json()
    assert (body["email"], body["role"]) == ("Some.One@example.com", "user")
    assert answer.headers["Location"] == f"/v1/users/{body['id']}"
    assert admin.call("GET", answer.headers["Location"]).get_json() == body
    assert accounts.again("some.one@example.com").id == body["id"]


def test_one_address_belongs_to_one_user_in_whatever_case(admin: Caller, user: Caller) -> None:
    answer = admin.call("POST", "/v1/users", json=new_user(email=user.email.upper()))
    assert code(answer) == (409, "email_taken")


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"email": "nobody"}, ["email"]),
        ({"email": "a@" + "b" * 300 + ".com"}, ["email"]),
        ({"email": "nul\x00@example.com"}, ["email"]),
        ({"password": "seven77"}, ["password"]),
        ({"password": "x" * 201}, ["password"]),
        ({"password": "tab\tin the middle"}, ["password"]),
        ({"role": "owner"}, ["role"]),
        ({"active": False}, ["active"]),
        ({"email": "nobody", "password": "short", "role": 5}, ["email", "password", "role"]),
    ],
    ids=str,
)
def test_each_wrong_field_of_a_new_user_is_named(
    admin: Caller, changes: dict[str, Any], fields: list[str]
) -> None:
    answer = admin.call("POST", "/v1/users", json=new_user(**changes))
    assert code(answer) == (422, "invalid_input")
    assert list(answer.get_json()["errors"]) == fields


def test_users_are_listed_in_the_order_of_their_making_page_by_page(
    accounts: Accounts, admin: Caller
) -> None:
    made = [accounts.add() for _ in range(3)]
    found: list[str] = []
    cursor: str | None = None
    while True:
        wanted = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = admin.call("GET", "/v1/users", query_string=wanted).get_json()
        assert len(page["items"]) <= 2
        found += [item["email"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert found[-3:] == made
    assert len(found) == len(set(found))
    assert admin.email in found


def test_a_disabled_user_is_refused_at_once(accounts: Accounts, admin: Caller) -> None:
    user = accounts.caller()
    answer = admin.call("PATCH", f"/v1/users/{user.id}", json={"active": False})
    assert answer.get_json()["active"] is False
    assert code(user.call("GET", "/v1/users/me")) == (401, "token_revoked")
    assert code(user.refresh()) == (401, "token_revoked")
    login = {"email": user.email, "password": PASSWORD}
    assert code(user.http.post("/v1/login", json=login)) == (401, "invalid_credentials")


def test_an_enabled_user_signs_in_anew_and_the_old_tokens_stay_dead(
    accounts: Accounts, admin: Caller
) -> None:
    user = accounts.caller()
    for active in (False, True):
        admin.call("PATCH", f"/v1/users/{user.id}", json={"active": active})
    assert code(user.call("GET", "/v1/users/me")) == (401, "token_revoked")
    assert accounts.again(user.email).id == user.id


@pytest.mark.parametrize("body", [{}, {"active": None}, {"active": "yes"}, {"email": "a@b.com"}])
def test_a_change_that_says_nothing_useful_is_422(
    admin: Caller, user: Caller, body: dict[str, Any]
) -> None:
    answer = admin.call("PATCH", f"/v1/users/{user.id}", json=body)
    assert code(answer) == (422, "invalid_input")


def test_an_unknown_user_is_404(admin: Caller) -> None:
    path = "/v1/users/01234567-89ab-7def-8123-456789abcdef"
    assert code(admin.call("GET", path)) == (404, "user_not_found")
    assert code(admin.call("PATCH", path, json={"active": False})) == (404, "user_not_found")


def test_an_administrator_may_step_down_while_another_remains(accounts: Accounts) -> None:
    leaving, _ = accounts.caller(Role.ADMIN), accounts.caller(Role.ADMIN)
    answer = leaving.call("PATCH", f"/v1/users/{leaving.id}", json={"role": "user"})
    assert answer.get_json()["role"] == "user"
    assert code(leaving.call("GET", "/v1/users")) == (403, "permission_missing")
