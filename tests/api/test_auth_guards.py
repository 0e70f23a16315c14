"""Every route has a guard or stands in the short public list."""

from collections.abc import Iterator

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from app.accounts.permissions import Role
from app.api import guards
from tests.support.in_process import Accounts, Caller

ADMIN_ONLY = {
    ("GET", "/v1/users"),
    ("POST", "/v1/users"),
    ("GET", "/v1/users/<uuid:user_id>"),
    ("PATCH", "/v1/users/<uuid:user_id>"),
    ("POST", "/v1/notifications"),
}
SOME_ID = "01234567-89ab-7def-8123-456789abcdef"


def routes(app: APIFlask) -> Iterator[tuple[str, Rule]]:
    """Each method of each rule."""
    for rule in app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield method, rule


def path_of(rule: Rule) -> str:
    """An address that the rule serves, for something that does not exist."""
    address: str = rule.map.bind("localhost").build(
        rule.endpoint, dict.fromkeys(rule.arguments, SOME_ID)
    )
    return address


def guarded(app: APIFlask) -> list[tuple[str, Rule]]:
    return [each for each in routes(app) if each[1].rule not in guards.PUBLIC_ROUTES]


def test_every_route_has_a_guard_or_is_listed_as_public(web_app: APIFlask) -> None:
    views = {
        rule.rule: guards.is_guarded(web_app.view_functions[rule.endpoint])
        for _, rule in routes(web_app)
    }
    assert {rule for rule, is_guarded in views.items() if not is_guarded} == guards.PUBLIC_ROUTES


def test_without_a_token_every_guarded_route_answers_401_before_it_reads_anything(
    web_app: APIFlask, http: FlaskClient
) -> None:
    assert len(guarded(web_app)) > 10
    for method, rule in guarded(web_app):
        answer = http.open(
            path_of(rule), method=method, data="{ broken", content_type="application/json"
        )
        assert answer.status_code == 401, f"{method} {rule}"
        assert answer.get_json()["code"] == "token_missing", f"{method} {rule}"


def test_a_user_who_is_no_administrator_gets_403_on_exactly_the_routes_of_administrators(
    web_app: APIFlask, accounts: Accounts
) -> None:
    refused = set()
    for method, rule in guarded(web_app):
        caller = accounts.caller()
        answer = caller.call(
            method, path_of(rule), data="{ broken", content_type="application/json"
        )
        if answer.status_code == 403:
            assert answer.get_json()["code"] == "permission_missing"
            refused.add((method, rule.rule))
    assert refused == ADMIN_ONLY


@pytest.mark.parametrize("role", [Role.USER, Role.ADMIN])
def test_what_does_not_exist_or_is_anothers_is_404_for_users_and_administrators_alike(
    web_app: APIFlask, accounts: Accounts, role: Role
) -> None:
    caller = accounts.caller(role)
    for method, rule in guarded(web_app):
        if rule.arguments and (method, rule.rule) not in ADMIN_ONLY:
            body = {"json": {"enabled": True}} if method == "PATCH" else {}
            answer = caller.call(method, path_of(rule), **body)
            assert answer.status_code == 404, f"{method} {rule}: {answer.text}"


def test_the_description_names_the_guard_of_each_guarded_route(
    web_app: APIFlask, http: FlaskClient
) -> None:
    paths = http.get("/openapi.json").get_json()["paths"]
    described = {
        (method.upper(), path)
        for path, operations in paths.items()
        for method, operation in operations.items()
        if operation.get("security") == [{"BearerAuth": []}]
    }
    assert len(described) == len(guarded(web_app))


def test_a_change_of_role_counts_from_the_next_request_on(admin: Caller, user: Caller) -> None:
    assert user.call("GET", "/v1/users").status_code == 403
    assert admin.call("PATCH", f"/v1/users/{user.id}", json={"role": "admin"}).status_code == 200
    assert user.call("GET", "/v1/users").status_code == 200
    assert admin.call("PATCH", f"/v1/users/{user.id}", json={"role": "user"}).status_code == 200
    assert user.call("GET", "/v1/users").status_code == 403
