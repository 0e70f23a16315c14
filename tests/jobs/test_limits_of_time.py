"""Work that takes longer than its type permits, on real processes."""

import time
from pathlib import Path

import psutil
import pytest

from tests.support.api import Api
from tests.support.database import query
from tests.support.stack import Stack
from tests.support.waiting import wait_for

# Far longer than the hard limit of the type, 3.5 s.
ENDLESS = 120


def files_of(stack: Stack, job_id: str) -> list[Path]:
    return list((stack.folder / "artifacts" / job_id).rglob("*"))


def pids_of(stack: Stack) -> set[int]:
    """The processes of the worker that run jobs, and whatever these have started."""
    return {process.pid for process in psutil.Process(stack.worker.pid).children(recursive=True)}


def seconds_run(stack: Stack, job_id: str) -> float:
    run = "SELECT extract(epoch FROM finished_at - started_at)::float FROM jobs WHERE id = %s"
    ((seconds,),) = query(stack.database_url, run, job_id)
    return float(seconds)


@pytest.mark.parametrize("how", ["sleep", "report"])
@pytest.mark.parametrize("file", [False, True])
def test_work_past_its_soft_limit_is_interrupted_and_leaves_nothing(
    stack: Stack, user: Api, how: str, file: bool
) -> None:
    before = pids_of(stack)
    job = user.run("takes_too_long", how=how, seconds=ENDLESS, file=file)
    assert (job["state"], job["error"]["code"]) == ("failed", "time_limit_exceeded")
    assert "2 s" in job["error"]["message"]
    assert 1.5 <= seconds_run(stack, job["id"]) < 20
    wait_for(lambda: not files_of(stack, job["id"]), "the end of the half file")
    assert before <= pids_of(stack)  # interrupted, not killed
    assert len(user.notifications()) == 1


@pytest.mark.parametrize("how", ["ignore", "fork"])
def test_work_past_its_hard_limit_is_ended_with_its_process_and_its_owner_told(
    own_stack: Stack, how: str
) -> None:
    stack, user = own_stack, own_stack.new_user()
    user.run("add", a=1, b=1)  # the processes are there
    before = pids_of(stack)
    job = user.run("takes_too_long", how=how, seconds=ENDLESS, file=True)
    assert (job["state"], job["error"]["code"]) == ("failed", "time_limit_exceeded")
    assert job["attempt"] == 1
    assert 3 <= seconds_run(stack, job["id"]) < 30
    wait_for(lambda: len(before - pids_of(stack)) == 1, "the end of the process")
    wait_for(lambda: len(pids_of(stack)) == len(before), "another process in its place, no more")
    wait_for(lambda: not files_of(stack, job["id"]), "the end of the half file")
    both = [user.submit("wait", seconds=0.5)["id"] for _ in range(4)]
    assert {user.end_of(each)["state"] for each in both} == {"succeeded"}
    assert len(user.notifications()) == 6
    assert [each["event"] for each in user.ok("GET", f"/v1/jobs/{job['id']}/events")["items"]] == [
        *("accepted", "admitted", "claimed", "failed")
    ]


def test_work_that_lets_no_other_thread_run_is_ended_with_its_process_each_time(
    own_stack: Stack,
) -> None:
    stack, user = own_stack, own_stack.new_user()
    user.run("add", a=1, b=1)  # the processes are there
    before = pids_of(stack)
    job = user.end_of(user.submit("takes_too_long", how="hold", seconds=ENDLESS)["id"], 120)
    # Nobody could tell the cause: to all others it looks like a worker that was killed.
    assert (job["state"], job["error"]["code"]) == ("failed", "worker_lost")
    assert job["attempt"] == job["max_attempts"]
    # Also of the last one, which the next test must not count among its own.
    ended = "exited with 'exitcode 1'"
    attempts = job["attempt"]
    wait_for(lambda: stack.worker.log.read_text().count(ended) == attempts, "the processes' ends")
    assert not before & pids_of(stack)
    wait_for(lambda: len(pids_of(stack)) == len(before), "others in their place, no more")
    assert user.run("add", a=1, b=1)["state"] == "succeeded"
    assert len(user.notifications()) == 3


def test_a_running_job_without_visible_progress_is_cancelled_at_its_next_progress_call(
    stack: Stack, user: Api
) -> None:
    job_id = user.submit("dawdles", seconds=60)["id"]
    wait_for(lambda: user.job(job_id)["state"] == "running", "the claim")
    time.sleep(1)  # its progress has long been reported, and changes no more
    user.ok("POST", f"/v1/jobs/{job_id}/cancel")
    assert user.end_of(job_id)["state"] == "cancelled"
    took = (
        "SELECT extract(epoch FROM finished_at - cancel_requested_at)::float FROM jobs WHERE id=%s"
    )
    ((seconds,),) = query(stack.database_url, took, job_id)
    assert seconds < 8, "2 on a machine that is not busy"


def test_work_that_never_calls_progress_is_cancelled_by_its_soft_limit(user: Api) -> None:
    job_id = user.submit("is_deaf", seconds=ENDLESS)["id"]
    wait_for(lambda: user.job(job_id)["state"] == "running", "the claim")
    user.ok("POST", f"/v1/jobs/{job_id}/cancel")
    assert user.end_of(job_id)["state"] == "cancelled"
    (told,) = user.notifications()
    assert told["type"] == "job.cancelled"
