"""Workers that die or freeze at the worst moments."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest

from tests.faults.cluster import Cluster
from tests.faults.ledger import Client
from tests.faults.points import Armed
from tests.support.process import AppProcess
from tests.support.socket import Listener
from tests.support.waiting import wait_for

CLUSTER = {"workers": 2, "RINGBACK_WORKER_PROCESSES": "4"}
AFTER_THE_CLAIM = (
    "committed.claimed",
    "running",
    "store.half",
    "store.written",
    "in.notification",
    "commit.succeeded",
)
ONE_RUN = "accepted admitted claimed succeeded"
GIVEN_UP = re.compile("job abandoned|job left to the sweep")
TWO_RUNS = "accepted admitted claimed requeued claimed succeeded"


@contextmanager
def every_worker_frozen(cluster: Cluster) -> Iterator[None]:
    """To submit jobs and to arm points for them, before they run."""
    workers = [each for each in cluster.workers if each.is_running]
    for worker in workers:
        worker.freeze()
    yield
    for worker in workers:
        worker.thaw()


def lose_worker(cluster: Cluster, user: Client, point: str, **params: Any) -> str:
    """Have the worker of a new job killed at a point; returns the job's id."""
    armed = cluster.points.arm(point, "kill_group")
    job = user.submit("steps", **params)["id"]
    fired = armed.wait()
    cluster.ledger.fault_is_over()
    assert fired["job"] == job
    gone = cluster.process_of(fired)
    wait_for(lambda: not gone.is_running, "the end of the whole worker")
    return str(job)


def end_of(user: Client, job: str) -> tuple[str, int]:
    ended = user.end_of(job)
    return ended["state"], ended["attempt"]


@pytest.mark.rabbitmq
@pytest.mark.parametrize("point", ["received", "before_claim"])
def test_a_worker_killed_before_its_claim_costs_no_attempt(
    cluster: Cluster, user: Client, point: str
) -> None:
    job = lose_worker(cluster, user, point)
    assert end_of(user, job) == ("succeeded", 1)
    assert user.story(job) == ONE_RUN


@pytest.mark.rabbitmq
def test_the_job_of_a_worker_killed_while_it_ran_is_run_by_another(
    cluster: Cluster, user: Client
) -> None:
    job = lose_worker(cluster, user, "running")
    assert end_of(user, job) == ("succeeded", 2)
    assert user.story(job) == TWO_RUNS


def test_a_worker_killed_between_artifact_and_commit_leaves_one_file_of_the_next(
    cluster: Cluster, user: Client
) -> None:
    job = lose_worker(cluster, user, "store.written")
    assert end_of(user, job) == ("succeeded", 2)
    assert user.call("GET", f"/v1/jobs/{job}/result").text.startswith(f"attempt 2 of {job}")


@pytest.mark.rabbitmq
def test_a_worker_killed_between_commit_and_publish_has_ended_the_job_and_its_owner_is_told(
    cluster: Cluster, user: Client
) -> None:
    with Listener(user.url).connect(user.token, after=0) as listener:
        listener.wait_for("ready")
        job = lose_worker(cluster, user, "committed.succeeded")
        (told,) = listener.wait_for("notification")
        assert (told["job_id"], told["type"]) == (job, "job.succeeded")
        assert end_of(user, job) == ("succeeded", 1)
        assert listener.numbers == [1]


def test_a_worker_killed_after_a_commit_does_not_keep_the_owners_waiting_jobs_waiting(
    cluster: Cluster, user: Client
) -> None:
    armed = cluster.points.arm("committed.succeeded", "kill_group")
    jobs = [user.submit("steps", file=False, seconds=0.5)["id"] for _ in range(6)]
    armed.wait()
    cluster.ledger.fault_is_over()
    assert {end_of(user, job)[0] for job in jobs} == {"succeeded"}


def test_a_prefork_child_killed_alone_is_replaced_and_its_job_run_again(
    cluster: Cluster, user: Client
) -> None:
    main = cluster.worker
    stop_others(cluster, main)
    points = {"before_claim": 1, "in.claimed": 1} | dict.fromkeys(AFTER_THE_CLAIM, 2)
    jobs = kill_children(cluster, points)
    assert {point: end_of(user, job) for point, (user, job) in jobs.items()} == {
        point: ("succeeded", attempt) for point, attempt in points.items()
    }
    assert main.is_running


def kill_children(cluster: Cluster, points: Iterable[str]) -> dict[str, tuple[Client, str]]:
    """Have the child that runs a job killed at each of the points; a job for each point."""
    main = cluster.worker
    with every_worker_frozen(cluster):
        jobs = {point: (user := cluster.new_user(), user.submit("steps")["id"]) for point in points}
        armed = [cluster.points.arm(point, "kill", job=job) for point, (_, job) in jobs.items()]
    for each in armed:
        fired = each.wait()
        assert fired["group"] == main.pid != fired["pid"]
    cluster.ledger.fault_is_over()
    return jobs


def test_when_all_workers_are_killed_another_one_takes_over_later(
    cluster: Cluster, user: Client
) -> None:
    jobs = [user.submit("steps", seconds=0.5)["id"] for _ in range(3)]
    points = [cluster.points.arm("running", "hold", keep=True)]
    started = [user.submit("steps")["id"] for _ in range(2)]
    wait_for(points[0].fired, "a job in the middle")
    for worker in cluster.workers:
        worker.kill()
    late = user.submit("steps")["id"]
    cluster.points.clear()
    wait_for(lambda: "requeued" in user.story(lost_job(points[0])), "the rescue")
    cluster.worker.start()
    cluster.ledger.fault_is_over()
    assert {end_of(user, job)[0] for job in [*jobs, *started, late]} == {"succeeded"}
    assert user.job(late)["attempt"] == 1


def test_a_worker_frozen_inside_its_finish_for_longer_than_its_lease_writes_nothing(
    cluster: Cluster, user: Client
) -> None:
    frozen = cluster.points.arm("in.notification", "stop")
    job = user.submit("steps")["id"]
    fired = frozen.wait()
    neighbour = user.submit("steps")["id"]  # its end needs the inbox that the frozen one has locked
    assert end_of(user, job) == ("succeeded", 2)
    frozen.resume()
    cluster.ledger.fault_is_over()
    assert end_of(user, neighbour)[0] == "succeeded"
    wait_until_given_up(cluster.process_of(fired), job)
    assert user.story(job) == TWO_RUNS
    assert user.call("GET", f"/v1/jobs/{job}/result").text.startswith("attempt 2")


def test_two_workers_that_both_believe_in_one_job_leave_one_file_and_one_end(
    cluster: Cluster, user: Client
) -> None:
    first_points = ("running", "store.half", "store.written")
    with every_worker_frozen(cluster):
        jobs = [user.submit("steps")["id"] for _ in first_points]
        frozen = [
            cluster.points.arm(point, "stop", job=job)
            for point, job in zip(first_points, jobs, strict=True)
        ]
    firsts = [each.wait() for each in frozen]
    seconds = [cluster.points.arm("store.written", "hold", job=job) for job in jobs]
    for each in seconds:
        each.wait()
    for each in frozen:
        each.resume()
    cluster.ledger.fault_is_over()
    for first in firsts:
        wait_until_given_up(cluster.process_of(first), first["job"])
    for each in seconds:
        each.release()
    for job in jobs:
        assert end_of(user, job) == ("succeeded", 2)
        assert user.call("GET", f"/v1/jobs/{job}/result").text.startswith("attempt 2")


def test_a_job_that_acts_on_the_outside_world_is_not_run_twice(
    cluster: Cluster, user: Client
) -> None:
    before = cluster.points.arm("before_claim", "kill")
    harmless = user.submit("steps_once")["id"]
    before.wait()
    assert end_of(user, harmless) == ("succeeded", 1)
    during = cluster.points.arm("running", "kill")
    job = user.submit("steps_once")["id"]
    during.wait()
    cluster.ledger.fault_is_over()
    ended = user.end_of(job)
    assert (ended["state"], ended["error"]["code"]) == ("failed", "outcome_unknown")
    assert user.story(job).count("claimed") == 1


def test_a_job_that_kills_its_worker_every_time_ends_as_failed_after_its_attempts(
    user: Client,
) -> None:
    job = user.run("kills_its_worker")
    assert (job["state"], job["error"]["code"]) == ("failed", "worker_lost")
    assert job["attempt"] == job["max_attempts"] == 2
    assert user.story(job["id"]) == "accepted admitted claimed requeued claimed failed"


def test_the_log_of_a_job_that_was_killed_twice_tells_the_whole_story(
    cluster: Cluster, user: Client
) -> None:
    kills = [cluster.points.arm("running", "kill") for _ in range(2)]
    job = user.submit("steps")["id"]
    for kill in kills:
        kill.wait()
    cluster.ledger.fault_is_over()
    assert end_of(user, job) == ("succeeded", 3)
    log = user.log(job)
    assert [(line["event"], line["attempt"]) for line in log] == [
        ("accepted", 1),
        ("admitted", 1),
        ("claimed", 1),
        ("requeued", 1),
        ("claimed", 2),
        ("requeued", 2),
        ("claimed", 3),
        ("succeeded", 3),
    ]
    times = [datetime.fromisoformat(line["at"]) for line in log]
    assert times == sorted(times)
    names = {line["worker"] for line in log if line["event"] in {"claimed", "succeeded"}}
    assert all(names), log
    for line in log:
        if line["event"] == "requeued":
            assert "worker was lost" in line["message"]
            assert line["worker"] in names
            assert line["data"]["delay_seconds"] > 0


def test_no_engine_patches_a_worker_and_its_threads_are_the_kernels(user: Client) -> None:
    assert user.run("looks_around")["result"] == {
        "patched": [],
        "builtins": True,
        "own_kernel_thread": True,
    }


def stop_others(cluster: Cluster, only: AppProcess) -> None:
    for worker in cluster.workers:
        if worker is not only:
            worker.kill()


def lost_job(armed: Armed) -> str:
    return str(armed.fired()[0]["job"])


def wait_until_given_up(worker: AppProcess, job: str) -> None:
    """Wait until a worker that lost its lease says so; it has gone on, and ended, by then."""

    def said() -> bool:
        lines = worker.log.read_text().splitlines()
        return any(job in line and GIVEN_UP.search(line) for line in lines)

    wait_for(said, f"job {job} given up; log: {worker.log}")
