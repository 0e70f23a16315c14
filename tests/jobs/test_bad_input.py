"""What a client may get wrong about jobs, and what it is told."""

from typing import Any

import pytest

from tests.support.api import Api
from tests.support.stack import Stack


@pytest.mark.parametrize("rows", [-1, 0, 2_000_001, 10**400, 1.5, "5", True, None, [], "many"])
def test_unacceptable_row_counts_are_refused_by_name(user: Api, rows: Any) -> None:
    response = user.call("POST", "/v1/jobs", json={"type": "excel_test", "params": {"rows": rows}})
    assert response.status_code == 422, response.text
    assert "params.rows" in response.json()["errors"]
    short = user.call("POST", "/v1/create_excel_test", json={"rows": rows})
    assert short.status_code == 422
    assert "rows" in short.json()["errors"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"type": "nothing_like_it", "params": {}}, "type"),
        ({"params": {}}, "type"),
        ({"type": "add", "params": {"a": 1}}, "params.b"),
        ({"type": "add", "params": {"a": 1, "b": 2, "c": 3}}, "params.c"),
        ({"type": "add", "params": [1, 2]}, "params"),
        ({"type": "add", "params": {"a": 1, "b": "2"}}, "params.b"),
        ({"type": "wait", "params": {"seconds": 3601}}, "params.seconds"),
        ({"type": 5, "params": {}}, "type"),
        ({"type": "add", "params": {"a": 1, "b": 2}, "user_id": "another"}, "user_id"),
    ],
)
def test_each_wrong_field_is_named(user: Api, body: Any, field: str) -> None:
    response = user.call("POST", "/v1/jobs", json=body)
    assert response.status_code == 422, response.text
    assert field in response.json()["errors"]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_numbers_that_are_not_numbers_are_refused(user: Api, number: str) -> None:
    body = '{"type": "add", "params": {"a": 1, "b": ' + number + "}}"
    headers = {"Content-Type": "application/json"}
    response = user.call("POST", "/v1/jobs", data=body, headers=headers)
    assert response.status_code in {400, 422}, response.text


def test_malformed_json_is_a_bad_request(user: Api) -> None:
    headers = {"Content-Type": "application/json"}
    response = user.call("POST", "/v1/jobs", data="{", headers=headers)
    assert (response.status_code, response.json()["code"]) == (400, "malformed_json")


def test_a_body_that_is_too_large_is_refused(user: Api) -> None:
    body = {"type": "add", "params": {"a": "1" * (1 << 20)}}
    response = user.call("POST", "/v1/jobs", json=body)
    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")


def test_a_wrong_method_is_told_the_right_ones(user: Api) -> None:
    response = user.call("DELETE", "/v1/jobs")
    assert response.status_code == 405
    assert {"GET", "POST"} <= set(response.headers["Allow"].split(", "))


def test_an_edited_cursor_is_a_bad_request(user: Api) -> None:
    for _ in range(2):
        user.submit("add", a=1, b=1)
    cursor = user.ok("GET", "/v1/jobs?limit=1")["next"]
    for edited in (cursor[:-1] + ("A" if cursor[-1] != "A" else "B"), "x", cursor[3:], "..."):
        response = user.call("GET", "/v1/jobs", params={"cursor": edited})
        assert (response.status_code, response.json()["code"]) == (400, "invalid_cursor")


def test_a_cursor_of_another_list_is_a_bad_request(user: Api) -> None:
    jobs = [user.run("add", a=1, b=1) for _ in range(2)]
    cursor = user.ok("GET", "/v1/jobs?limit=1")["next"]
    response = user.call("GET", f"/v1/jobs/{jobs[0]['id']}/events", params={"cursor": cursor})
    assert (response.status_code, response.json()["code"]) == (400, "invalid_cursor")


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=1000",
        "limit=x",
        "state=lost",
        "type=%00",
        "since=yesterday",
        "until=1e9",
        "since=2026-01-01T00:00:00",
        "unknown=1",
    ],
)
def test_unacceptable_filters_are_refused_by_name(user: Api, query: str) -> None:
    response = user.call("GET", f"/v1/jobs?{query}")
    assert response.status_code == 422, response.text
    assert query.partition("=")[0] in response.json()["errors"]


def test_another_users_things_do_not_exist(user: Api, stack: Stack) -> None:
    job = user.end_of(user.ok("POST", "/v1/create_excel_test", json={"rows": 1})["id"])
    (notification,) = user.notifications()
    paths = [
        f"/v1/jobs/{job['id']}",
        f"/v1/jobs/{job['id']}/events",
        f"/v1/jobs/{job['id']}/result",
        f"/v1/notifications/{notification['id']}",
    ]
    # An administrator may read everybody's jobs, see tests/api/test_jobs_of_others.py; no more than that.
    for other, closed in ((stack.new_user(), paths), (stack.admin, paths[2:])):
        for path in closed:
            assert user.call("GET", path).status_code == 200
            assert other.call("GET", path).status_code == 404
        assert job["id"] not in str(other.ok("GET", "/v1/jobs?limit=200"))
        assert notification["id"] not in str(other.notifications())


@pytest.mark.parametrize("job_id", ["1", "..%2f", "00000000-0000-0000-0000-000000000000", "%00"])
def test_an_id_that_is_none_is_not_found(user: Api, job_id: str) -> None:
    for path in (f"/v1/jobs/{job_id}", f"/v1/jobs/{job_id}/result", f"/v1/notifications/{job_id}"):
        assert user.call("GET", path).status_code == 404
