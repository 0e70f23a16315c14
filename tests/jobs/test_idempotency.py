"""One Idempotency-Key makes one job, however often and wherever the request arrives."""

from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from apiflask import APIFlask
from werkzeug.test import TestResponse

from tests.jobs.conftest import Jobs
from tests.support.api import Api
from tests.support.at_once import at_once
from tests.support.in_process import Accounts, Caller
from tests.support.stack import Stack

ADD = {"type": "add", "params": {"a": 1, "b": 2}}
ROUNDS = 30


def post(caller: Caller, key: str | None, body: Any = ADD, path: str = "/v1/jobs") -> TestResponse:
    """Start a job with this key."""
    headers = {} if key is None else {"Idempotency-Key": key}
    return caller.call("POST", path, json=body, headers=headers)


def is_replay(answer: TestResponse) -> bool:
    """Whether an answer says that the job was made before, and by this key."""
    assert "Job-Already-Active" not in answer.headers
    replayed = answer.headers.get("Idempotent-Replayed")
    assert (answer.status_code, replayed) in {(200, "true"), (202, None)}, answer.text
    return replayed == "true"


def test_the_same_key_and_body_give_the_first_job(owner: Caller) -> None:
    key = uuid4().hex
    first, second = post(owner, key), post(owner, key)
    assert (is_replay(first), is_replay(second)) == (False, True)
    assert second.get_json() == first.get_json()
    assert second.headers["Location"] == first.headers["Location"]
    assert len(owner.ok("GET", "/v1/jobs")["items"]) == 1


def test_without_a_key_each_request_makes_a_job(owner: Caller) -> None:
    assert post(owner, None).get_json()["id"] != post(owner, None).get_json()["id"]


def test_another_order_of_the_names_is_the_same_body(owner: Caller) -> None:
    key = uuid4().hex
    first = post(owner, key)
    turned = {"params": {"b": 2.0, "a": 1}, "type": "add"}
    assert is_replay(again := post(owner, key, turned))
    assert again.get_json()["id"] == first.get_json()["id"]


@pytest.mark.parametrize(
    "body",
    [
        {"type": "add", "params": {"a": 1, "b": 3}},
        {"type": "add", "params": {"a": 1, "b": -2}},
        {"type": "wait", "params": {"seconds": 1}},
        {"type": "one_of_a_kind"},
    ],
)
def test_the_same_key_with_another_body_is_a_conflict(owner: Caller, body: Any) -> None:
    key = uuid4().hex
    post(owner, key)
    answer = post(owner, key, body)
    assert (answer.status_code, answer.get_json()["code"]) == (409, "idempotency_key_reused")
    assert len(owner.ok("GET", "/v1/jobs")["items"]) == 1


@pytest.mark.parametrize("key", ["x", "y" * 255, '"quoted, with = and ;"'])
def test_a_key_has_1_to_255_characters(owner: Caller, key: str) -> None:
    assert not is_replay(post(owner, key))
    assert is_replay(post(owner, key))


@pytest.mark.parametrize("key", ["", "z" * 256])
def test_the_error_of_a_key_that_is_too_short_or_too_long_names_the_header(
    owner: Caller, key: str
) -> None:
    answer = post(owner, key)
    assert answer.status_code == 422
    problem = answer.get_json()
    assert problem["code"] == "invalid_input"
    assert list(problem["errors"]) == ["Idempotency-Key"]
    assert "Idempotency-Key" in problem["detail"]
    assert owner.ok("GET", "/v1/jobs")["items"] == []


def test_the_keys_of_two_users_have_nothing_to_do_with_each_other(
    owner: Caller, stranger: Caller
) -> None:
    key = uuid4().hex
    first, other = post(owner, key), post(stranger, key, {"type": "wait", "params": {"seconds": 1}})
    assert not is_replay(other)
    assert other.get_json()["id"] != first.get_json()["id"]


def test_requests_of_the_same_instant_at_two_servers_make_one_job(
    owner: Caller, elsewhere: Caller
) -> None:
    for _ in range(ROUNDS):
        key = uuid4().hex
        answers = at_once(*(partial(post, at, key) for at in (owner, elsewhere)))
        assert sorted(map(is_replay, answers)) == [False, True]
        assert len({answer.get_json()["id"] for answer in answers}) == 1


def test_of_two_bodies_at_the_same_instant_one_gets_the_key(
    owner: Caller, elsewhere: Caller
) -> None:
    bodies = [{"type": "add", "params": {"a": 1, "b": b}} for b in range(2)]
    for _ in range(ROUNDS // 3):
        key = uuid4().hex
        answers = at_once(
            partial(post, owner, key, bodies[0]), partial(post, elsewhere, key, bodies[1])
        )
        assert sorted(answer.status_code for answer in answers) == [202, 409]


def test_a_key_is_free_again_after_its_time(owner: Caller, jobs: Jobs) -> None:
    key = uuid4().hex
    first = post(owner, key).get_json()["id"]
    jobs.sql(
        "UPDATE jobs SET idempotency_expires_at = now() - interval '1 second' WHERE id = %s", first
    )
    other = {"type": "wait", "params": {"seconds": 1}}
    assert not is_replay(second := post(owner, key, other))
    assert second.get_json()["id"] != first
    assert is_replay(third := post(owner, key, other))
    assert third.get_json()["id"] == second.get_json()["id"]


def test_a_key_stands_for_a_day(owner: Caller, jobs: Jobs) -> None:
    job = post(owner, uuid4().hex).get_json()["id"]
    asked = "SELECT extract(epoch FROM idempotency_expires_at - created_at) FROM jobs WHERE id = %s"
    ((seconds,),) = jobs.sql(asked, job)
    assert seconds == 86_400


@pytest.mark.parametrize(
    "body", [{"type": "add", "params": {"a": "x"}}, {"type": "no_such_type"}, {"params": {}}]
)
def test_the_key_of_a_refused_request_is_not_used_up(owner: Caller, body: Any) -> None:
    key = uuid4().hex
    assert post(owner, key, body).status_code == 422
    assert not is_replay(post(owner, key))


def test_the_short_form_takes_a_key_as_well(owner: Caller) -> None:
    key, path = uuid4().hex, "/v1/create_excel_test"
    first, again = (post(owner, key, {"rows": 5}, path) for _ in range(2))
    assert (is_replay(first), is_replay(again)) == (False, True)
    assert again.get_json()["id"] == first.get_json()["id"]
    assert post(owner, key, {"rows": 6}, path).status_code == 409
    assert post(owner, key).status_code == 409
    assert post(owner, "", {"rows": 5}, path).status_code == 422


def test_the_short_form_without_a_body_takes_a_key(owner: Caller) -> None:
    headers = {"Idempotency-Key": uuid4().hex}
    first, again = (owner.call("POST", "/v1/create_excel_test", headers=headers) for _ in range(2))
    assert (is_replay(first), is_replay(again)) == (False, True)


def test_a_retry_takes_a_key_as_well(owner: Caller, jobs: Jobs) -> None:
    key, old = uuid4().hex, post(owner, None).get_json()["id"]
    jobs.end(old, "failed")
    path = f"/v1/jobs/{old}/retry"
    first, again = (owner.call("POST", path, headers={"Idempotency-Key": key}) for _ in range(2))
    assert (is_replay(first), is_replay(again)) == (False, True)
    assert again.get_json()["id"] == first.get_json()["id"] != old
    # The same type and parameters, but the job would not follow.
    assert post(owner, key).status_code == 409


def test_retries_of_the_same_instant_make_one_job(
    owner: Caller, elsewhere: Caller, jobs: Jobs
) -> None:
    old = post(owner, None).get_json()["id"]
    jobs.end(old, "failed")
    for _ in range(ROUNDS // 3):
        headers = {"Idempotency-Key": uuid4().hex}
        answers = at_once(
            *(
                partial(at.call, "POST", f"/v1/jobs/{old}/retry", headers=headers)
                for at in (owner, elsewhere)
            )
        )
        assert sorted(map(is_replay, answers)) == [False, True]


def test_a_sign_in_on_another_device_has_the_same_keys(
    quiet_apps: list[APIFlask], owner: Caller
) -> None:
    key = uuid4().hex
    post(owner, key)
    assert is_replay(post(Accounts(quiet_apps[0]).again(owner.email), key))


def test_after_its_end_the_first_job_comes_back_with_its_file(stack: Stack, user: Api) -> None:
    headers, body = {"Idempotency-Key": uuid4().hex}, {"rows": 1}

    def start() -> Any:
        return user.call("POST", "/v1/create_excel_test", json=body, headers=headers)

    ended = user.end_of(start().json()["id"])
    answer = start()
    assert (answer.status_code, answer.headers["Idempotent-Replayed"]) == (200, "true")
    assert answer.json() == ended
    assert answer.json()["artifact"]["size"] > 0


def test_two_server_processes_make_one_job_of_requests_of_the_same_instant(
    stack: Stack, user: Api
) -> None:
    other = Api(stack.server_under("gevent").url, user.email, user.password)
    for _ in range(10):
        headers = {"Idempotency-Key": uuid4().hex}
        answers = at_once(
            *(
                partial(at.call, "POST", "/v1/jobs", json=ADD, headers=headers)
                for at in (user, other)
            )
        )
        assert sorted(answer.status_code for answer in answers) == [200, 202]
        assert len({answer.json()["id"] for answer in answers}) == 1
