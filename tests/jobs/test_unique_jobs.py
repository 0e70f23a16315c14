"""A type may allow one job of a kind at a time: whoever submits a second one gets the first."""

from functools import partial
from uuid import uuid4

from werkzeug.test import TestResponse

from app.jobs.finish import Outcome
from app.jobs.models import JobState
from tests.jobs.conftest import Jobs
from tests.support.at_once import at_once
from tests.support.in_process import Caller

ROUNDS = 20


def post(caller: Caller, name: str, key: str | None = None) -> TestResponse:
    """Start the job of this name."""
    headers = {} if key is None else {"Idempotency-Key": key}
    body = {"type": "one_of_a_kind", "params": {"name": name}}
    return caller.call("POST", "/v1/jobs", json=body, headers=headers)


def is_old(answer: TestResponse) -> bool:
    """Whether an answer says that the job was active already."""
    active = answer.headers.get("Job-Already-Active")
    assert (answer.status_code, active) in {(200, "true"), (202, None)}, answer.text
    return active == "true"


def new(caller: Caller, name: str = "one") -> str:
    """The id of a job that must be new."""
    answer = post(caller, name)
    assert not is_old(answer)
    return str(answer.get_json()["id"])


def test_the_job_that_has_not_ended_comes_back(owner: Caller, jobs: Jobs) -> None:
    first = new(owner)
    assert is_old(again := post(owner, "one"))
    assert again.get_json()["id"] == first
    assert again.headers["Location"] == f"/v1/jobs/{first}"
    jobs.start(first)
    assert is_old(again := post(owner, "one"))
    assert (again.get_json()["id"], again.get_json()["state"]) == (first, "running")


def test_one_that_waits_for_its_turn_comes_back(owner: Caller) -> None:
    for number in range(4):
        new(owner, str(number))
    waiting = new(owner)
    assert owner.ok("GET", f"/v1/jobs/{waiting}")["state"] == "waiting"
    assert is_old(again := post(owner, "one"))
    assert again.get_json()["id"] == waiting


def test_one_that_is_to_be_tried_again_comes_back(owner: Caller, jobs: Jobs) -> None:
    first = new(owner)
    jobs.fail_for_now(first)
    assert is_old(again := post(owner, "one"))
    assert again.get_json()["id"] == first


def test_another_kind_is_another_job(owner: Caller) -> None:
    assert new(owner, "one") != new(owner, "two")


def test_another_users_job_is_another_job(owner: Caller, stranger: Caller) -> None:
    assert new(owner) != new(stranger)


def test_after_its_end_there_is_a_new_one(owner: Caller, jobs: Jobs) -> None:
    for state in ("succeeded", "failed", "cancelled"):
        jobs.end(new(owner), state)
    new(owner)


def test_a_cancelled_one_does_not_count(owner: Caller, jobs: Jobs) -> None:
    running = new(owner)
    fence = jobs.start(running)
    assert owner.call("POST", f"/v1/jobs/{running}/cancel").status_code == 202
    second = new(owner)
    # Which the first one, still running for a moment, does not hinder.
    assert is_old(post(owner, "one"))
    assert jobs.finish(running, fence, Outcome(JobState.CANCELLED, code="job_cancelled"))
    assert owner.call("POST", f"/v1/jobs/{second}/cancel").status_code == 200
    assert new(owner) not in {running, second}


def test_a_retry_gives_the_active_one_as_well(owner: Caller, jobs: Jobs) -> None:
    old = new(owner)
    jobs.end(old, "failed")
    active = new(owner)
    answer = owner.call("POST", f"/v1/jobs/{old}/retry")
    assert is_old(answer)
    assert answer.get_json()["id"] == active


def test_of_requests_of_the_same_instant_at_two_servers_one_makes_a_job(
    owner: Caller, elsewhere: Caller, jobs: Jobs
) -> None:
    for _ in range(ROUNDS):
        answers = at_once(*(partial(post, at, "one") for at in (owner, elsewhere)))
        assert sorted(map(is_old, answers)) == [False, True]
        (job_id,) = {answer.get_json()["id"] for answer in answers}
        jobs.end(job_id)


def test_a_request_and_the_end_of_the_job_at_the_same_instant_leave_one_job_at_most(
    owner: Caller, jobs: Jobs
) -> None:
    for _ in range(ROUNDS):
        first = new(owner)
        done = partial(jobs.finish, first, jobs.start(first), Outcome(JobState.SUCCEEDED))
        _, answer = at_once(done, partial(post, owner, "one"))
        assert isinstance(answer, TestResponse)
        job_id = answer.get_json()["id"]
        assert is_old(answer) == (job_id == first)
        if job_id != first:
            jobs.end(job_id)


def test_a_key_of_any_length_will_do(owner: Caller) -> None:
    name = "".join(chr(0x4E00 + number) for number in range(20_000))  # does not compress
    first = new(owner, name)
    assert is_old(again := post(owner, name))
    assert again.get_json()["id"] == first
    new(owner, name[:-1])


def test_an_idempotency_key_that_met_the_active_job_stands_for_it(
    owner: Caller, jobs: Jobs
) -> None:
    key, first = uuid4().hex, new(owner)
    assert is_old(post(owner, "one", key))
    jobs.end(first)
    replay = post(owner, "one", key)
    assert (replay.status_code, replay.headers["Idempotent-Replayed"]) == (200, "true")
    assert (replay.get_json()["id"], replay.get_json()["state"]) == (first, "succeeded")
    assert post(owner, "two", key).status_code == 409


def test_the_key_that_made_the_active_job_stays_its_key(owner: Caller, jobs: Jobs) -> None:
    made, other = uuid4().hex, uuid4().hex
    first = post(owner, "one", made).get_json()["id"]
    assert is_old(post(owner, "one", other))
    jobs.end(first)
    assert post(owner, "one", made).get_json()["id"] == first
    assert not is_old(post(owner, "one", other))
