"""Postgres, which holds the truth, is killed, or ends all its connections.

A lease is as long as it is delivered, and the sweep publishes late: who waits for either is seen.
"""

import time
from collections.abc import Iterable

import pytest

from tests.faults.cluster import Cluster
from tests.faults.ledger import Client
from tests.faults.poster import Poster
from tests.support.database import query
from tests.support.waiting import wait_for

CLUSTER = {
    "RINGBACK_LEASE_SECONDS": "30",
    "RINGBACK_REDISPATCH_SECONDS": "60",
    "RINGBACK_WORKER_PROCESSES": "4",
}
ONE_RUN = "accepted admitted claimed succeeded"
TERMINATE = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND datname = current_database()
"""


def test_a_short_restart_of_postgres_costs_no_running_job_an_attempt(
    cluster: Cluster, user: Client
) -> None:
    jobs = [user.submit("dawdles", seconds=5, report=False)["id"]]
    jobs += [user.submit("steps", seconds=5)["id"] for _ in range(2)]
    wait_for_claims(user, jobs)
    with Poster(cluster.new_user()) as poster:
        begun = time.monotonic()
        cluster.own.postgres.kill()
        wait_for(poster.refused, "an answer without a database")
        cluster.own.postgres.start()
        print(f"Postgres was away for {time.monotonic() - begun:.1f} s")  # noqa: T201
        wait_for(lambda: poster.answers[-1].status == 202, "an accepted job")
    cluster.ledger.fault_is_over()
    poster.check_refusals()
    poster.show("while Postgres restarted")
    assert poster.statuses() == {202, 503}
    assert [user.end_of(job)["state"] for job in jobs] == ["succeeded"] * 3
    assert [user.story(job) for job in jobs] == [ONE_RUN] * 3


def test_a_message_that_comes_while_postgres_is_away_is_not_lost(
    cluster: Cluster, user: Client
) -> None:
    held = cluster.points.arm("before_claim", "hold")
    job = user.submit("steps")["id"]
    held.wait()
    cluster.own.postgres.kill()
    held.release()
    wait_for(lambda: "database away, trying again" in cluster.worker.log.read_text(), "a claim")
    cluster.own.postgres.start()
    cluster.ledger.fault_is_over()
    # The sweep would send another message after a minute only.
    assert user.end_of(job, 20)["state"] == "succeeded"
    assert user.story(job) == ONE_RUN


@pytest.mark.parametrize("how", ["kill", "terminate"])
def test_postgres_may_fail_in_the_middle_of_many_ends(cluster: Cluster, how: str) -> None:
    users = [cluster.new_user() for _ in range(4)]
    jobs = [(each, each.submit("steps")["id"]) for _ in range(10) for each in users]
    for ended in (8, 20):
        wait_for_ends(cluster, users, ended)
        if how == "terminate":
            query(cluster.database_url, TERMINATE)
        else:
            cluster.own.postgres.kill()
            cluster.own.postgres.start()
    cluster.ledger.fault_is_over()
    assert {each.end_of(job)["state"] for each, job in jobs} == {"succeeded"}


def test_jobs_go_on_though_all_connections_are_ended_again_and_again(
    cluster: Cluster, user: Client
) -> None:
    jobs = [user.submit("steps", seconds=4)["id"] for _ in range(3)]
    wait_for_claims(user, jobs)
    with Poster(cluster.new_user()) as poster:
        for _ in range(5):
            ((ended,),) = query(cluster.database_url, TERMINATE)
            assert ended > 0
            time.sleep(0.7)  # they connect again, and lose that connection as well
    cluster.ledger.fault_is_over()
    poster.show("while connections were ended")
    poster.check_refusals()
    assert poster.statuses() <= {202, 503}
    assert [user.end_of(job)["state"] for job in jobs] == ["succeeded"] * 3
    assert [user.story(job) for job in jobs] == [ONE_RUN] * 3


def wait_for_claims(user: Client, jobs: Iterable[str]) -> None:
    wait_for(lambda: all(user.job(job)["state"] == "running" for job in jobs), "all claims")


def wait_for_ends(cluster: Cluster, users: Iterable[Client], wanted: int) -> None:
    counting = "SELECT count(*) FROM jobs WHERE state = 'succeeded' AND user_id = ANY(%s::uuid[])"
    ids = [each.user_id for each in users]
    wait_for(
        lambda: int(query(cluster.database_url, counting, ids)[0][0]) >= wanted, f"{wanted} ends"
    )
