"""Cancel: at once what does not run, soon what does; and each job has one end all the same."""

import os
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from apiflask import APIFlask

from app.config import Settings
from app.jobs.admit import ADMISSION_LOCK
from app.jobs.claim import claim
from app.jobs.finish import Outcome, finish
from app.jobs.models import JobState
from tests.jobs.conftest import Jobs
from tests.support.api import Api
from tests.support.at_once import at_once
from tests.support.database import connect
from tests.support.in_process import Accounts, Caller
from tests.support.stack import Stack
from tests.support.waiting import wait_for

SHARE = 4
ROUNDS = 20
SUCCEEDED = Outcome(JobState.SUCCEEDED, result={})
FINAL = {"succeeded", "failed", "cancelled"}


def submit(caller: Caller) -> str:
    """Start a job; its id."""
    body = {"type": "add", "params": {"a": 1, "b": 1}}
    return str(caller.ok("POST", "/v1/jobs", json=body)["id"])


def job(caller: Caller, job_id: str) -> dict[str, Any]:
    found: dict[str, Any] = caller.ok("GET", f"/v1/jobs/{job_id}")
    return found


def cancel(caller: Caller, job_id: str) -> tuple[int, dict[str, Any]]:
    """Status and body."""
    answer = caller.call("POST", f"/v1/jobs/{job_id}/cancel")
    return answer.status_code, answer.get_json()


def events(caller: Caller | Api, job_id: str) -> list[str]:
    return [each["event"] for each in caller.ok("GET", f"/v1/jobs/{job_id}/events")["items"]]


def ends(caller: Caller) -> list[tuple[str, str]]:
    """The job and the type of each notification, in order."""
    items = caller.ok("GET", "/v1/notifications?limit=200")["items"]
    assert [each["seq"] for each in items] == list(range(1, len(items) + 1))
    return [(each["job_id"], each["type"]) for each in items]


def assert_ended_at_once(caller: Caller, job_id: str) -> None:
    status, answer = cancel(caller, job_id)
    assert (status, answer["state"], answer["cancelling"]) == (200, "cancelled", False)
    assert answer["error"]["code"] == "job_cancelled"
    assert job(caller, job_id) == answer
    assert events(caller, job_id)[-1] == "cancelled"
    assert ends(caller) == [(job_id, "job.cancelled")]


def test_a_queued_job_ends_at_once_and_the_next_takes_its_turn(owner: Caller) -> None:
    first, *_, waiting = [submit(owner) for _ in range(SHARE + 1)]
    assert job(owner, waiting)["state"] == "waiting"
    assert_ended_at_once(owner, first)
    assert job(owner, waiting)["state"] == "queued"


def test_a_cancel_succeeds_also_while_the_next_job_cannot_be_admitted(
    owner: Caller, settings: Settings, other_app: Callable[..., APIFlask]
) -> None:
    first, second, *_, waiting = [submit(owner) for _ in range(SHARE + 1)]
    hasty = Accounts(other_app(lock_timeout_seconds=0.2)).again(owner.email)
    url = settings.database_url.get_secret_value()
    with closing(connect(url)) as other, other.cursor() as cursor:
        lock = "SELECT pg_advisory_lock(%s, hashtext(%s))"
        cursor.execute(lock, (ADMISSION_LOCK, owner.id))
        assert_ended_at_once(hasty, first)
        assert job(hasty, waiting)["state"] == "waiting"
    # The next end of one of this user's jobs makes up for it, or else the beat.
    assert cancel(owner, second)[0] == 200
    assert job(owner, waiting)["state"] == "queued"


def test_a_waiting_job_ends_at_once_and_nobody_takes_its_turn(owner: Caller) -> None:
    made = [submit(owner) for _ in range(SHARE + 2)]
    assert_ended_at_once(owner, made[SHARE])
    states = [job(owner, each)["state"] for each in made]
    assert states == ["queued"] * SHARE + ["cancelled", "waiting"]


def test_a_job_that_waits_for_its_next_try_ends_at_once(owner: Caller, jobs: Jobs) -> None:
    jobs.fail_for_now(job_id := submit(owner))
    assert job(owner, job_id)["run_after"] is not None
    assert_ended_at_once(owner, job_id)
    assert job(owner, job_id)["run_after"] is None


def test_a_message_of_a_cancelled_job_starts_nothing(owner: Caller, jobs: Jobs) -> None:
    assert_ended_at_once(owner, job_id := submit(owner))
    with jobs.app.app_context():
        taken = claim(UUID(job_id), 0, "late")
        assert taken is None or str(taken.id) != job_id
    assert job(owner, job_id)["state"] == "cancelled"


def test_a_running_job_is_told_to_stop(owner: Caller, jobs: Jobs) -> None:
    fence = jobs.start(job_id := submit(owner))
    status, answer = cancel(owner, job_id)
    assert (status, answer["state"], answer["cancelling"]) == (202, "running", True)
    assert ends(owner) == []
    assert cancel(owner, job_id) == (202, answer)  # said twice, it is told once
    assert events(owner, job_id).count("cancel_requested") == 1
    assert jobs.finish(job_id, fence, Outcome(JobState.CANCELLED, code="job_cancelled"))
    assert job(owner, job_id)["cancelling"] is False
    assert ends(owner) == [(job_id, "job.cancelled")]


def test_it_may_lose_against_a_finish_and_the_job_tells(owner: Caller, jobs: Jobs) -> None:
    fence = jobs.start(job_id := submit(owner))
    assert cancel(owner, job_id)[0] == 202
    assert jobs.finish(job_id, fence, SUCCEEDED)
    ended = job(owner, job_id)
    assert (ended["state"], ended["cancelling"], ended["error"]) == ("succeeded", False, None)
    assert ends(owner) == [(job_id, "job.succeeded")]


def test_a_cancelled_job_that_fails_for_now_is_not_tried_again(owner: Caller, jobs: Jobs) -> None:
    fence = jobs.start(job_id := submit(owner))
    assert cancel(owner, job_id)[0] == 202
    again = Outcome(JobState.FAILED, code="too_early", message="Not yet.", retryable=True)
    assert jobs.finish(job_id, fence, again)
    assert ends(owner) == [(job_id, "job.cancelled")]


@pytest.mark.parametrize("state", sorted(FINAL))
def test_a_job_that_has_ended_is_not_cancelled(owner: Caller, jobs: Jobs, state: str) -> None:
    jobs.end(job_id := submit(owner), state)
    before = job(owner, job_id)
    status, answer = cancel(owner, job_id)
    assert (status, answer["code"]) == (409, "job_ended")
    assert state in answer["detail"]
    assert job(owner, job_id) == before
    assert ends(owner) == [(job_id, f"job.{state}")]


def test_a_job_of_somebody_else_does_not_exist(owner: Caller, stranger: Caller, jobs: Jobs) -> None:
    made = [submit(owner) for _ in range(3)]
    jobs.start(made[1])
    jobs.end(made[2])
    before = [job(owner, each) for each in made]
    for each in made:
        status, answer = cancel(stranger, each)
        assert (status, answer["code"]) == (404, "job_not_found")
    assert [job(owner, each) for each in made] == before


def test_of_a_cancel_and_a_finish_at_the_same_instant_one_ends_the_job(
    owner: Caller, elsewhere: Caller, jobs: Jobs
) -> None:
    made = [submit(owner) for _ in range(ROUNDS)]
    for each in made:
        fence = jobs.start(each)
        at_once(
            partial(cancel, owner, each),
            partial(jobs.finish, each, fence, SUCCEEDED),
            partial(cancel, elsewhere, each),
        )
        assert job(owner, each)["state"] == "succeeded"
    assert_one_end_each(owner, made)


def test_of_a_cancel_and_a_claim_at_the_same_instant_one_wins(owner: Caller, jobs: Jobs) -> None:
    def run(job_id: str) -> None:
        with jobs.app.app_context():
            taken = claim(UUID(job_id), 0, "test")
            if taken is not None:
                assert finish(taken.id, taken.fence, SUCCEEDED)

    made = [submit(owner) for _ in range(ROUNDS)]
    for each in made:
        at_once(partial(run, each), partial(cancel, owner, each))
    for each in made:
        if job(owner, each)["state"] not in FINAL:
            assert cancel(owner, each)[0] == 200
    assert_one_end_each(owner, made)


def assert_one_end_each(caller: Caller, made: list[str]) -> None:
    assert sorted(job_id for job_id, _ in ends(caller)) == sorted(made)
    for each in made:
        assert len([event for event in events(caller, each) if event in FINAL]) == 1


@pytest.mark.parametrize("whole", [False, True])
def test_a_running_job_ends_at_its_next_progress_call_and_leaves_no_file(
    stack: Stack, user: Api, whole: bool
) -> None:
    job_id = user.submit("writes_until_cancelled", whole=whole)["id"]
    files = partial(files_of, stack, job_id)
    wait_for(files, "the file")
    wait_for(lambda: user.job(job_id)["progress"] > 0, "some progress")
    answer = user.call("POST", f"/v1/jobs/{job_id}/cancel")
    assert (answer.status_code, answer.json()["cancelling"]) == (202, True)
    ended = user.end_of(job_id, 20)
    assert (ended["state"], ended["cancelling"], ended["artifact"]) == ("cancelled", False, None)
    wait_for(lambda: not files(), "the removal of the file")
    assert [each["type"] for each in user.notifications()] == ["job.cancelled"]
    steps = ["accepted", "admitted", "claimed", "cancel_requested", "cancelled"]
    assert events(user, job_id) == steps
    assert user.call("GET", f"/v1/jobs/{job_id}/result").status_code == 404
    assert user.run("add", a=1, b=1)["state"] == "succeeded"


def files_of(stack: Stack, job_id: str) -> list[Path]:
    """Folders may vanish meanwhile."""
    walk = os.walk(stack.folder / "artifacts" / job_id)
    return [Path(folder, name) for folder, _, names in walk for name in names]
