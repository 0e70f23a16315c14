"""Bad input and broken parts: each answer is a problem with a code and the id that the log has."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import text
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from app.api.errors import STATUS
from app.errors import AppError, TooManyRequests
from app.extensions import db
from app.factory import create_app
from app.standalone.ports import free_port
from app.standalone.servers import Servers
from tests.support.in_process import PASSWORD, Accounts, Caller, close, make_settings

LOGIN = "/v1/login"


def problem(answer: TestResponse, status: int, code: str) -> dict[str, Any]:
    """The body, after checks of what every problem has."""
    assert answer.status_code == status, answer.text
    assert answer.mimetype == "application/problem+json"
    body: dict[str, Any] = answer.get_json()
    assert body["status"] == status
    assert body["code"] == code
    assert body["type"] == "about:blank"
    assert body["title"]
    assert body["detail"]
    assert body["request_id"] == answer.headers["X-Request-Id"]
    assert "Traceback" not in answer.text
    return body


@pytest.fixture
def broken(servers: Servers) -> Iterator[APIFlask]:
    """An app whose database is away, and with views that go wrong."""
    url = f"postgresql://app:hidden@127.0.0.1:{free_port()}/app"
    app = create_app(make_settings(servers, url))

    @app.get("/raise")
    def fail() -> str:
        raise RuntimeError("a secret detail")

    @app.get("/limit")
    def limit() -> str:
        raise TooManyRequests("Slower.", retry_after=1.2)

    yield app
    close(app)


@pytest.mark.parametrize("body", ["{", "[1,", "no", '{"a": NaN}', '{"a": 1e999}', "[" * 100_000])
def test_malformed_json_is_400(http: FlaskClient, body: str) -> None:
    problem(http.post(LOGIN, data=body, content_type="application/json"), 400, "malformed_json")


def test_deeply_nested_and_undecodable_json_is_400(http: FlaskClient) -> None:
    for body in ("[" * 900 + "]" * 900, b'{"email": "\xff\xfe"}', "9" * 5000):
        problem(http.post(LOGIN, data=body, content_type="application/json"), 400, "malformed_json")


def test_a_body_that_is_not_declared_as_json_is_415(http: FlaskClient) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        answer = http.post(LOGIN, data='{"email": "a"}', content_type=kind)
        problem(answer, 415, "unsupported_media_type")


def test_a_missing_body_names_each_missing_field(http: FlaskClient) -> None:
    errors = problem(http.post(LOGIN), 422, "invalid_input")["errors"]
    assert errors == {"email": ["Field required"], "password": ["Field required"]}


@pytest.mark.parametrize("body", [[], "text", 7, True])
def test_a_body_that_is_no_object_is_422(http: FlaskClient, body: Any) -> None:
    errors = problem(http.post(LOGIN, json=body), 422, "invalid_input")["errors"]
    assert errors == {"body": ["Input should be a JSON object"]}


def test_each_wrong_field_is_named_and_none_is_repeated(http: FlaskClient) -> None:
    answer = http.post(LOGIN, json={"email": 5, "password": "sesame" * 100, "cookie": {}, "x": 1})
    assert set(problem(answer, 422, "invalid_input")["errors"]) == {
        "email", "password", "cookie", "x",
    }  # fmt: skip
    assert "sesame" not in answer.text


@pytest.mark.parametrize("text", ["nul\x00", "half\ud800", "\udfff"])
def test_text_that_cannot_be_stored_is_422_wherever_it_is(http: FlaskClient, text: str) -> None:
    for field in ("email", "password", "device"):
        body = {"email": "a@example.com", "password": PASSWORD, field: text}
        assert list(problem(http.post(LOGIN, json=body), 422, "invalid_input")["errors"]) == [field]
    problem(http.post(LOGIN, json={text: 1}), 422, "invalid_input")


def test_thousands_of_unknown_fields_do_not_make_a_huge_answer(http: FlaskClient) -> None:
    answer = http.post(LOGIN, json={f"field{number}": 1 for number in range(5000)})
    assert len(problem(answer, 422, "invalid_input")["errors"]) == 100


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
FIELDS = st.dictionaries(st.sampled_from(["email", "password", "device", "cookie"]), JSON)


@hypothesis_settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=FIELDS | JSON)
def test_no_json_at_all_breaks_the_server(http: FlaskClient, body: Any) -> None:
    answer = http.post(LOGIN, data=json.dumps(body), content_type="application/json")
    assert answer.status_code in {400, 401, 422}


def test_an_unknown_address_is_404(http: FlaskClient) -> None:
    problem(http.get("/v1/nothing"), 404, "route_not_found")
    problem(http.get("/v1/users/not-a-uuid"), 404, "route_not_found")


def test_a_wrong_method_is_405_and_says_which_are_right(http: FlaskClient) -> None:
    answer = http.delete(LOGIN)
    problem(answer, 405, "method_not_allowed")
    assert set(answer.headers["Allow"].split(", ")) == {"POST", "OPTIONS"}


def test_a_body_that_is_too_large_is_413(web_app: APIFlask, http: FlaskClient) -> None:
    body = json.dumps({"email": "x" * web_app.config["MAX_CONTENT_LENGTH"]})
    problem(http.post(LOGIN, data=body, content_type="application/json"), 413, "body_too_large")


def test_an_edited_cursor_is_400(admin: Caller, user: Caller) -> None:
    page = admin.call("GET", "/v1/users?limit=1").get_json()
    for caller, path, cursor in (
        (admin, "/v1/users", "edited"),
        (admin, "/v1/users", page["next"][:-1]),
        (admin, "/v1/users", page["next"] + "é"),
        (user, "/v1/sessions", ".."),
    ):
        answer = caller.call("GET", path, query_string={"cursor": cursor})
        problem(answer, 400, "invalid_cursor")


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "unknown=1", "cursor=%00"])
def test_a_bad_query_is_422_and_named(user: Caller, query: str) -> None:
    errors = problem(user.call("GET", f"/v1/sessions?{query}"), 422, "invalid_input")["errors"]
    assert list(errors) == [query.split("=", maxsplit=1)[0]]


def test_an_unforeseen_error_is_500_and_only_the_log_knows_why(broken: APIFlask) -> None:
    with capture_logs(processors=[merge_contextvars]) as lines:
        answer = broken.test_client().get("/raise")
    body = problem(answer, 500, "internal_error")
    assert "secret" not in answer.text
    failure = next(line for line in lines if line["event"] == "request failed")
    assert str(failure["exc_info"]) == "a secret detail"
    assert failure["request_id"] == body["request_id"]


def test_a_limit_says_when_to_come_back(broken: APIFlask) -> None:
    answer = broken.test_client().get("/limit")
    assert problem(answer, 429, "too_many_requests")["retryable"] is True
    assert answer.headers["Retry-After"] == "2"


def test_a_database_that_is_away_is_503_and_worth_another_try(broken: APIFlask) -> None:
    http = broken.test_client()
    answer = http.post(LOGIN, json={"email": "a@example.com", "password": PASSWORD})
    assert problem(answer, 503, "database_unavailable")["retryable"] is True
    assert int(answer.headers["Retry-After"]) >= 1
    assert "hidden" not in answer.text
    assert http.get("/healthz").status_code == 200


def test_a_row_that_stays_locked_is_503_and_not_an_endless_wait(
    other_app: Callable[..., APIFlask], accounts: Accounts, user: Caller
) -> None:
    impatient = other_app(lock_timeout_seconds=0.1).test_client()
    with accounts.app.app_context():
        lock = text("SELECT 1 FROM sessions WHERE id = :id FOR UPDATE")
        db.session.execute(lock, {"id": user.tokens["session_id"]})
        body = {"refresh_token": user.tokens["refresh_token"]}
        problem(impatient.post("/v1/refresh", json=body), 503, "database_unavailable")
        db.session.rollback()
    assert user.refresh().status_code == 200


def test_every_kind_of_error_that_callers_may_see_has_a_status() -> None:
    inside = {"ConfigError", "LeaseLost", "WorkerStopping"}
    inside |= {"JobFailed", "JobCancelled", "JobTimedOut"}
    kinds = {kind for kind in AppError.__subclasses__() if kind.__module__ == "app.errors"}
    assert {kind.__name__ for kind in kinds - set(STATUS)} == inside


def test_a_harmless_id_of_the_caller_is_kept_and_any_other_replaced(http: FlaskClient) -> None:
    for offered in ("abc", "A.b_c-9", "x" * 64):
        answer = http.get("/healthz", headers={"X-Request-Id": offered})
        assert answer.headers["X-Request-Id"] == offered
    for offered in ("", "x" * 65, "a b", 'a"b', "a;b", "é"):
        answer = http.get("/healthz", headers={"X-Request-Id": offered})
        assert answer.headers["X-Request-Id"] not in {"", offered}


def test_each_request_is_one_log_line_with_its_id_and_its_user(user: Caller) -> None:
    with capture_logs(processors=[merge_contextvars]) as lines:
        answer = user.call("GET", f"/v1/users/{user.id}")
    [line] = [line for line in lines if line["event"] == "request handled"]
    assert line["request_id"] == answer.headers["X-Request-Id"]
    assert line["user_id"] == user.id
    assert line["method"] == "GET"
    assert line["route"] == "/v1/users/<uuid:user_id>"
    assert line["status"] == 403
    assert 0 < line["seconds"] < 60


def test_nothing_of_one_request_is_in_the_log_lines_of_the_next(
    user: Caller, http: FlaskClient
) -> None:
    user.call("GET", "/v1/users/me")
    with capture_logs(processors=[merge_contextvars]) as lines:
        http.get("/healthz")
    assert [line.get("user_id") for line in lines] == [None]


def test_the_description_names_no_address_that_a_caller_made_up(
    other_app: Callable[..., APIFlask],
) -> None:
    app = other_app()
    for host in ("evil.example", "localhost"):
        spec = app.test_client().get("/openapi.json", headers={"Host": host}).get_json()
        assert spec["servers"] == [{"url": "/"}]
