"""`POST /v1/jobs/{id}/retry` with other parameters: a changed list is a job that follows the old one."""

from typing import Any
from uuid import uuid4

import pytest
from werkzeug.test import TestResponse

from tests.jobs.conftest import Jobs
from tests.support.api import Api
from tests.support.in_process import Caller


@pytest.fixture
def old(owner: Caller, jobs: Jobs) -> dict[str, Any]:
    """A job that has ended."""
    body = {"type": "add", "params": {"a": 3, "b": -4}}
    job_id = owner.ok("POST", "/v1/jobs", json=body)["id"]
    jobs.end(job_id)
    job: dict[str, Any] = owner.ok("GET", f"/v1/jobs/{job_id}")
    return job


def again(owner: Caller, old: dict[str, Any], key: str = "", **body: Any) -> TestResponse:
    headers = {"Idempotency-Key": key} if key else {}
    return owner.call("POST", f"/v1/jobs/{old['id']}/retry", json=body, headers=headers)


def test_the_new_job_has_the_new_parameters_and_follows_the_old_one(
    owner: Caller, old: dict[str, Any]
) -> None:
    answer = again(owner, old, params={"a": 3, "b": 7})
    job = answer.get_json()
    assert answer.status_code == 202
    assert answer.headers["Location"] == f"/v1/jobs/{job['id']}"
    assert job["id"] != old["id"] == job["follows"]
    assert (job["type"], job["params"]) == ("add", {"a": 3, "b": 7})
    assert owner.ok("GET", f"/v1/jobs/{old['id']}") == old


def test_the_changed_job_runs_with_what_was_changed(user: Api) -> None:
    first = user.run("add", a=1, b=1)
    changed = {"params": {"a": 1, "b": 41}}
    second = user.ok("POST", f"/v1/jobs/{first['id']}/retry", json=changed)
    assert user.end_of(second["id"])["result"]["sum"] == 42
    third = user.ok("POST", f"/v1/jobs/{second['id']}/retry")
    assert (third["params"], third["follows"]) == (changed["params"], second["id"])


@pytest.mark.parametrize("body", [{}, {"params": None}])
def test_a_body_that_changes_nothing_repeats_the_job_as_it_was(
    owner: Caller, old: dict[str, Any], body: Any
) -> None:
    job = again(owner, old, **body).get_json()
    assert (job["params"], job["follows"]) == (old["params"], old["id"])


def test_parameters_are_replaced_and_not_merged(owner: Caller, old: dict[str, Any]) -> None:
    answer = again(owner, old, params={"a": 1})
    assert (answer.status_code, answer.get_json()["code"]) == (422, "invalid_parameters")
    assert list(answer.get_json()["errors"]) == ["params.b"]


@pytest.mark.parametrize("params", [{}, {"a": "x", "b": 1}, {"a": 1, "b": 1, "c": 1}])
def test_parameters_that_do_not_fit_make_no_job(
    owner: Caller, old: dict[str, Any], params: Any
) -> None:
    answer = again(owner, old, params=params)
    assert (answer.status_code, answer.get_json()["code"]) == (422, "invalid_parameters")
    assert len(owner.ok("GET", "/v1/jobs")["items"]) == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [({"params": []}, "params"), ({"params": "a"}, "params"), ({"type": "wait"}, "type")],
)
def test_a_body_of_another_form_is_refused_by_name(
    owner: Caller, old: dict[str, Any], body: Any, field: str
) -> None:
    answer = again(owner, old, **body)
    assert answer.status_code == 422
    assert list(answer.get_json()["errors"]) == [field]


@pytest.mark.parametrize(
    ("sent", "kind", "status"),
    [
        ("null", "application/json", 422),
        ("[]", "application/json", 422),
        ('{"params":', "application/json", 400),
        ('{"params": {"a": NaN, "b": 1}}', "application/json", 400),
        ('{"params": {"a": 1, "b": 1}}', "text/plain", 415),
    ],
)
def test_what_is_no_json_object_is_refused(
    owner: Caller, old: dict[str, Any], sent: str, kind: str, status: int
) -> None:
    path = f"/v1/jobs/{old['id']}/retry"
    assert owner.call("POST", path, data=sent, content_type=kind).status_code == status
    assert len(owner.ok("GET", "/v1/jobs")["items"]) == 1


def test_a_key_stands_for_the_changed_parameters(owner: Caller, old: dict[str, Any]) -> None:
    key, changed = uuid4().hex, {"a": 1, "b": 2}
    first, second = (again(owner, old, key, params=changed) for _ in range(2))
    assert (first.status_code, second.status_code) == (202, 200)
    assert second.headers["Idempotent-Replayed"] == "true"
    assert second.get_json()["id"] == first.get_json()["id"]
    for other in ({"params": {"a": 1, "b": 3}}, {}):
        refused = again(owner, old, key, **other)
        assert refused.status_code == 409
        assert refused.get_json()["code"] == "idempotency_key_reused"


def test_a_key_of_the_unchanged_job_does_not_stand_for_a_changed_one(
    owner: Caller, old: dict[str, Any]
) -> None:
    key = uuid4().hex
    assert again(owner, old, key).status_code == 202
    assert again(owner, old, key, params={"a": 1, "b": 2}).status_code == 409
    # Said in full, it is what the job had anyway.
    assert again(owner, old, key, params=old["params"]).status_code == 200


def test_a_job_that_has_not_ended_cannot_be_run_again_with_changes(owner: Caller) -> None:
    body = {"type": "add", "params": {"a": 1, "b": 1}}
    answer = again(owner, owner.ok("POST", "/v1/jobs", json=body), params={"a": 1, "b": 2})
    assert (answer.status_code, answer.get_json()["code"]) == (409, "job_not_ended")


def test_somebody_elses_job_cannot_be_run_again_with_changes(
    stranger: Caller, old: dict[str, Any]
) -> None:
    answer = again(stranger, old, params={"a": 1, "b": 2})
    assert (answer.status_code, answer.get_json()["code"]) == (404, "job_not_found")
    assert stranger.ok("GET", "/v1/jobs")["items"] == []


def test_a_job_whose_parameters_no_longer_fit_can_be_mended(
    owner: Caller, jobs: Jobs, old: dict[str, Any]
) -> None:
    jobs.sql("""UPDATE jobs SET params = '{"a": 1, "c": 2}' WHERE id = %s""", old["id"])
    assert again(owner, old).status_code == 422
    assert again(owner, old, params={"a": 1, "b": 2}).get_json()["follows"] == old["id"]
