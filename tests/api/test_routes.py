"""Every route, as the application itself lists them: without a token, and with another's."""

from typing import Any

import pytest
from werkzeug.routing import Rule

from app.api.guards import PUBLIC_ROUTES
from app.config import Settings
from app.factory import create_app
from tests.support.api import Api
from tests.support.stack import Stack

SECRET = "a secret of the tests, longer than thirty-two bytes"
ADMIN_ROUTES = {"/v1/users", "/v1/users/<uuid:user_id>"}


def guarded() -> list[tuple[str, Rule]]:
    app = create_app(Settings.load(secret_key=SECRET))
    return [
        (method, rule)
        for rule in app.url_map.iter_rules()
        if rule.rule not in PUBLIC_ROUTES
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
    ]


ROUTES = [pytest.param(*each, id=f"{each[0]} {each[1].rule}") for each in guarded()]
WITH_IDS = [each for each in ROUTES if each.values[1].arguments]


@pytest.fixture(scope="module")
def belongings(stack: Stack) -> dict[str, str]:
    """Ids of things of one user, by the name that routes give them."""
    owner = stack.new_user()
    job = owner.end_of(owner.ok("POST", "/v1/create_excel_test", json={"rows": 1})["id"])
    daily = {"name": "daily", "type": "add", "params": {"a": 1, "b": 2}, "cron": "0 0 * * *"}
    return {
        "job_id": job["id"],
        "schedule_id": owner.ok("POST", "/v1/schedules", json=daily)["id"],
        "notification_id": owner.notifications()[0]["id"],
        "session_id": owner.tokens["session_id"],
        "upload_id": owner.ok("POST", "/v1/uploads", files={"file": ("a.csv", b"a,b")})["id"],
        "user_id": owner.user_id,
    }


def path_of(rule: Rule, belongings: dict[str, str]) -> str:
    path = rule.rule
    for name in rule.arguments:
        path = path.replace(f"<uuid:{name}>", belongings[name])
    assert "<" not in path, f"say in `belongings` what {path} needs"
    return path


@pytest.mark.parametrize(("method", "rule"), ROUTES)
def test_no_route_answers_without_a_token(
    method: str, rule: Rule, stack: Stack, belongings: dict[str, str]
) -> None:
    response = Api(stack.url).call(method, path_of(rule, belongings), json={})
    assert_problem(response, 401, "token_missing")
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(("method", "rule"), ROUTES)
def test_no_route_answers_to_a_token_that_is_worth_nothing(
    method: str, rule: Rule, stack: Stack, belongings: dict[str, str]
) -> None:
    headers = {"Authorization": "Bearer nonsense"}
    response = Api(stack.url).call(method, path_of(rule, belongings), json={}, headers=headers)
    assert_problem(response, 401, "token_invalid")


@pytest.mark.parametrize(("method", "rule"), WITH_IDS)
def test_another_users_things_are_not_there(
    method: str, rule: Rule, stack: Stack, belongings: dict[str, str]
) -> None:
    other = stack.new_user()
    response = other.call(method, path_of(rule, belongings), json={})
    if rule.rule in ADMIN_ROUTES:
        assert_problem(response, 403, "permission_missing")
    else:
        assert response.status_code == 404, response.text
        assert response.json()["code"].endswith("_not_found")


def assert_problem(response: Any, status: int, code: str) -> None:
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    problem = response.json()
    assert problem["code"] == code
    assert problem["request_id"] == response.headers["X-Request-Id"]
    assert "Traceback" not in response.text
