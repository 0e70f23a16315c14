"""Workers are cut off from Postgres for longer than a lease: one of them alone, or all."""

import re
import time
from collections.abc import Iterator

import pytest

from tests.faults.cluster import Cluster, frozen
from tests.faults.ledger import Client
from tests.faults.poster import Poster
from tests.faults.relay import Relay
from tests.support.process import AppProcess
from tests.support.waiting import wait_for

CLUSTER = {"RINGBACK_WORKER_PROCESSES": "3"}
ONE_RUN = "accepted admitted claimed succeeded"
TWO_RUNS = "accepted admitted claimed requeued claimed succeeded"
GIVEN_UP = re.compile("job abandoned|job left to the sweep")
# Twice the lease.
SECONDS = 8
# A ping and a connection of the server, or its pool.
LONGEST_ANSWER_SECONDS = 20.0


@pytest.fixture
def relay(cluster: Cluster) -> Iterator[Relay]:
    port = cluster.own.postgres.port
    assert port is not None
    relay = Relay(port)
    yield relay
    relay.mend()


def start_alone(cluster: Cluster, relay: Relay) -> AppProcess:
    """A worker behind the relay; it gets all jobs until the other one is thawed."""
    cluster.worker.freeze()
    direct = f":{cluster.own.postgres.port}/"
    url = cluster.database_url.replace(direct, f":{relay.port}/")
    assert url != cluster.database_url
    return cluster.add("worker", RINGBACK_DATABASE_URL=url)


@pytest.mark.parametrize("how", ["freeze", "cut"])
def test_a_worker_cut_off_for_longer_than_its_lease_writes_nothing_and_another_runs_its_jobs(
    cluster: Cluster, user: Client, relay: Relay, how: str
) -> None:
    worker = start_alone(cluster, relay)
    quiet = user.submit("dawdles", seconds=SECONDS, report=False)["id"]
    writing = cluster.points.arm("store.half", f"sleep:{SECONDS}")
    half_way = user.submit("steps")["id"]
    assert writing.wait()["group"] == worker.pid
    talking = user.submit("steps", seconds=SECONDS)["id"]
    jobs = [quiet, half_way, talking]
    wait_for(lambda: user.job(talking)["state"] == "running", "a claim")
    wait_for(lambda: user.job(quiet)["state"] == "running", "a claim")
    getattr(relay, how)()
    cluster.worker.thaw()
    for job in jobs:
        assert user.end_of(job)["state"] == "succeeded"
    inbox = user.notifications()
    relay.mend()
    cluster.ledger.fault_is_over()
    for job in jobs:
        wait_until_given_up(worker, job)
        assert user.story(job) == TWO_RUNS
        assert user.job(job)["attempt"] == 2
    for job in (half_way, talking):
        assert user.call("GET", f"/v1/jobs/{job}/result").text.startswith("attempt 2")
    assert user.notifications() == inbox
    assert sorted(each["job_id"] for each in inbox) == sorted(jobs)
    check_takes_jobs(cluster, user)


def test_a_worker_cut_off_from_postgres_before_its_claim_takes_jobs_again_when_it_is_not(
    cluster: Cluster, user: Client, relay: Relay
) -> None:
    start_alone(cluster, relay)
    relay.cut()
    jobs = [user.submit("steps")["id"] for _ in range(3)]
    cluster.worker.thaw()  # what the other one has taken is sent again
    assert {user.end_of(job)["state"] for job in jobs} == {"succeeded"}
    relay.mend()
    cluster.ledger.fault_is_over()
    check_takes_jobs(cluster, user)


def test_after_postgres_stood_still_for_longer_than_a_lease_no_worker_is_called_lost(
    cluster: Cluster, user: Client
) -> None:
    jobs = [user.submit("dawdles", seconds=SECONDS - 2, report=False)["id"]]
    jobs += [user.submit("steps", seconds=SECONDS + 3)["id"] for _ in range(2)]
    wait_for(lambda: all(user.job(job)["state"] == "running" for job in jobs), "all claims")
    posters = [cluster.new_user() for _ in range(3)]
    with Poster(*posters) as poster:
        with frozen(cluster.own.postgres):
            time.sleep(SECONDS)
        cluster.ledger.fault_is_over()
    _, longest = poster.show("while Postgres stood still")
    poster.check_refusals()
    assert poster.statuses() == {202, 503}
    assert longest < LONGEST_ANSWER_SECONDS
    assert [user.end_of(job)["state"] for job in jobs] == ["succeeded"] * 3
    # The first has ended meanwhile; the others' work was stopped by the clock of their worker.
    assert user.story(jobs[0]) == ONE_RUN
    for job in jobs[1:]:
        assert user.story(job) == "accepted admitted claimed handed_back claimed succeeded"
        assert user.job(job)["attempt"] == 1


def test_work_that_is_done_while_postgres_is_away_for_longer_than_a_lease_is_not_done_again(
    cluster: Cluster, user: Client
) -> None:
    ending = cluster.points.arm("commit.succeeded", "hold")
    jobs = [user.submit("steps")["id"]]  # its file is complete
    ending.wait()
    for kind in ("dawdles", "dawdles_once"):
        jobs.append(user.submit(kind, seconds=2, report=False)["id"])
        wait_for(lambda: user.job(jobs[-1])["state"] == "running", "a claim")
    cluster.own.postgres.kill()
    ending.release()
    time.sleep(SECONDS)
    cluster.own.postgres.start()
    cluster.ledger.fault_is_over()
    assert [user.end_of(job)["state"] for job in jobs] == ["succeeded"] * 3
    assert [user.story(job) for job in jobs] == [ONE_RUN] * 3
    assert user.call("GET", f"/v1/jobs/{jobs[0]}/result").text.startswith("attempt 1")


def check_takes_jobs(cluster: Cluster, user: Client) -> None:
    """Whether the worker behind the relay works again, all its processes, without any other's help."""
    cluster.worker.kill()  # a frozen one might hold a lock
    jobs = [user.submit("steps", seconds=0.3)["id"] for _ in range(4)]
    assert {user.end_of(job)["state"] for job in jobs} == {"succeeded"}


def wait_until_given_up(worker: AppProcess, job: str) -> None:
    """Wait until the worker says that the job is not its own; it has gone on, and ended, by then."""

    def said() -> bool:
        lines = worker.log.read_text().splitlines()
        return any(job in line and GIVEN_UP.search(line) for line in lines)

    wait_for(said, f"job {job} given up; log: {worker.log}")
