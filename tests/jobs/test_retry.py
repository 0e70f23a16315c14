"""Again: by itself after a failure for now, and as a new job when its owner says so."""

from datetime import datetime
from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest
from apiflask import APIFlask

from app.config import Settings
from app.factory import create_app
from app.jobs.requeue import MAX_PAUSE_SECONDS, pause_seconds
from tests.jobs.conftest import Jobs
from tests.support.api import Api
from tests.support.in_process import Accounts, Caller, close

DRAWS = 500


def log_of(user: Api, job_id: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = user.ok("GET", f"/v1/jobs/{job_id}/events")["items"]
    return items


def seconds_between(first: dict[str, Any], second: dict[str, Any]) -> float:
    times = [datetime.fromisoformat(each["at"]) for each in (first, second)]
    return (times[1] - times[0]).total_seconds()


def test_a_job_that_fails_for_now_is_tried_again_later_and_later(user: Api) -> None:
    job = user.run("fails_for_now", times=2)
    assert (job["state"], job["attempt"], job["error"]) == ("succeeded", 3, None)
    assert job["result"] == {"attempt": 3}
    log = log_of(user, job["id"])
    steps = ["accepted", "admitted", *["claimed", "retrying"] * 2, "claimed", "succeeded"]
    assert [each["event"] for each in log] == steps
    assert [each["attempt"] for each in log] == [1, 1, 1, 1, 2, 2, 3, 3]
    for attempt, (before, after) in enumerate(pairs_after_retrying(log), start=1):
        assert before["message"] == "The figures are not there yet."
        assert before["data"]["code"] == "too_early"
        delay = before["data"]["delay_seconds"]
        assert 2 ** (attempt - 1) / 2 <= delay <= 2 ** (attempt - 1)
        assert seconds_between(before, after) >= delay - 0.1
    assert [each["type"] for each in user.notifications()] == ["job.succeeded"]
    assert user.call("GET", job["artifact"]["url"]).content == b"attempt 3"


def pairs_after_retrying(log: list[dict[str, Any]]) -> list[tuple[Any, Any]]:
    return [pair for pair in pairwise(log) if pair[0]["event"] == "retrying"]


def test_after_its_attempts_it_fails_with_its_own_error(user: Api) -> None:
    job = user.run("fails_for_now", times=9)
    assert (job["state"], job["attempt"], job["max_attempts"]) == ("failed", 3, 3)
    assert job["error"] == {
        "code": "too_early",
        "message": "The figures are not there yet.",
        "retryable": True,
    }
    log = [each["event"] for each in log_of(user, job["id"])]
    assert log == ["accepted", "admitted", *["claimed", "retrying"] * 2, "claimed", "failed"]
    assert [each["type"] for each in user.notifications()] == ["job.failed"]


def test_an_exception_that_the_type_calls_a_hiccup_is_tried_again(user: Api) -> None:
    job = user.run("hiccups", times=1)
    assert (job["state"], job["attempt"]) == ("succeeded", 2)
    (hiccup,) = [each for each in log_of(user, job["id"]) if each["event"] == "retrying"]
    assert "the other side hung up" in hiccup["message"]


def test_any_other_exception_is_not_tried_again(user: Api) -> None:
    job = user.run("hiccups", times=-1)
    assert (job["state"], job["attempt"]) == ("failed", 1)
    assert job["error"]["retryable"] is False


def test_a_job_says_when_it_is_tried_again(owner: Caller, jobs: Jobs) -> None:
    job = submit(owner)
    assert job["run_after"] is None
    jobs.fail_for_now(job["id"])
    job = owner.ok("GET", f"/v1/jobs/{job['id']}")
    assert (job["state"], job["attempt"]) == ("queued", 2)
    due = datetime.fromisoformat(job["run_after"])
    assert (due - datetime.fromisoformat(job["created_at"])).total_seconds() > 0.4
    jobs.start(job["id"])
    assert owner.ok("GET", f"/v1/jobs/{job['id']}")["run_after"] is None


@pytest.mark.parametrize("attempt", [1, 2, 3, 6, 10, 11, 100, 10_000])
def test_the_pause_doubles_up_to_a_limit_and_is_spread(attempt: int) -> None:
    longest = min(2.0 ** min(attempt - 1, 30), MAX_PAUSE_SECONDS)
    draws = [pause_seconds(attempt) for _ in range(DRAWS)]
    assert longest / 2 <= min(draws) < longest * 0.55
    assert longest * 0.95 < max(draws) <= longest
    assert len(set(draws)) > DRAWS / 5
    assert longest * 0.70 < sum(draws) / DRAWS < longest * 0.80


def submit(caller: Caller, kind: str = "add", **params: Any) -> dict[str, Any]:
    """Start a job that nobody runs."""
    body = {"type": kind, "params": params or {"a": 1, "b": 1}}
    job: dict[str, Any] = caller.ok("POST", "/v1/jobs", json=body)
    return job


def retry(caller: Caller, job_id: str) -> tuple[int, dict[str, Any]]:
    """Status and body."""
    answer = caller.call("POST", f"/v1/jobs/{job_id}/retry")
    return answer.status_code, answer.get_json()


@pytest.mark.parametrize("state", ["succeeded", "failed", "cancelled"])
def test_a_retry_is_a_new_job_that_follows_the_old_one(
    owner: Caller, jobs: Jobs, state: str
) -> None:
    old = submit(owner, a=3, b=-4)["id"]
    jobs.end(old, state)
    before = owner.ok("GET", f"/v1/jobs/{old}")
    answer = owner.call("POST", f"/v1/jobs/{old}/retry")
    job = answer.get_json()
    assert answer.status_code == 202
    assert answer.headers["Location"] == f"/v1/jobs/{job['id']}"
    assert job["id"] != old == job["follows"]
    assert (job["type"], job["params"]) == ("add", {"a": 3, "b": -4})
    assert (job["state"], job["attempt"]) == ("queued", 1)
    assert owner.ok("GET", f"/v1/jobs/{old}") == before
    jobs.end(job["id"])
    assert retry(owner, job["id"])[1]["follows"] == job["id"]


def test_a_job_that_has_not_ended_cannot_be_repeated(owner: Caller, jobs: Jobs) -> None:
    made = [submit(owner)["id"] for _ in range(5)]
    jobs.start(made[0])
    jobs.fail_for_now(made[1])
    for job_id, state in zip(made, ["running", *["queued"] * 3, "waiting"], strict=True):
        status, answer = retry(owner, job_id)
        assert (status, answer["code"]) == (409, "job_not_ended")
        assert state in answer["detail"]
    assert len(owner.ok("GET", "/v1/jobs")["items"]) == 5


def test_somebody_elses_job_cannot_be_repeated(owner: Caller, stranger: Caller, jobs: Jobs) -> None:
    jobs.end(old := submit(owner)["id"], "failed")
    for job_id in (old, str(uuid4())):
        status, answer = retry(stranger, job_id)
        assert (status, answer["code"]) == (404, "job_not_found")
    assert stranger.ok("GET", "/v1/jobs")["items"] == []


def test_a_job_whose_type_is_gone_from_the_code_cannot_be_repeated_and_is_told_why(
    owner: Caller, jobs: Jobs, settings: Settings
) -> None:
    jobs.end(old := submit(owner, "fails_for_now", times=0)["id"], "failed")
    newer = create_app(settings)
    status, answer = retry(Accounts(newer).again(owner.email), old)
    close(newer)
    assert (status, answer["code"]) == (422, "unknown_job_type")
    assert "fails_for_now" in answer["detail"]


def test_a_job_whose_type_takes_other_parameters_now_cannot_be_repeated(
    owner: Caller, jobs: Jobs
) -> None:
    jobs.end(old := submit(owner)["id"], "failed")
    jobs.sql("""UPDATE jobs SET params = '{"a": 1, "c": 2}' WHERE id = %s""", old)
    status, answer = retry(owner, old)
    assert (status, answer["code"]) == (422, "invalid_parameters")
    assert set(answer["errors"]) == {"params.b", "params.c"}


def test_a_retry_needs_no_body_and_a_sign_in(owner: Caller, quiet_apps: list[APIFlask]) -> None:
    answer = quiet_apps[0].test_client().post(f"/v1/jobs/{submit(owner)['id']}/retry")
    assert (answer.status_code, answer.get_json()["code"]) == (401, "token_missing")


def test_the_repeated_job_runs_like_any_other(user: Api) -> None:
    old = user.run("refuses")
    job = user.ok("POST", f"/v1/jobs/{old['id']}/retry")
    assert user.end_of(job["id"])["error"] == old["error"]
    (first, second) = user.notifications()
    assert (first["job_id"], second["job_id"]) == (old["id"], job["id"])
