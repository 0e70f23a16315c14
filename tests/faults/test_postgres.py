"""Postgres, which holds the truth, is killed, stands still, or ends all its connections.

The beat publishes late here, and a lease is long: whoever waits for either of them is seen.
"""

import time
from collections.abc import Iterable

import pytest

from tests.faults.cluster import Cluster, frozen
from tests.faults.ledger import Client
from tests.faults.poster import Poster
from tests.support.database import query
from tests.support.waiting import wait_for

LEASE_SECONDS = 10.0
CLUSTER = {
    "RINGBACK_LEASE_SECONDS": str(LEASE_SECONDS),
    "RINGBACK_REDISPATCH_SECONDS": "60",
    "RINGBACK_WORKER_PROCESSES": "4",
}
ONE_RUN = "accepted admitted claimed succeeded"
# Two pings and two connections of the server, and its pool.
LONGEST_ANSWER_SECONDS = 25.0
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
    cluster.ledger.fault_is_over()
    check_refusals(poster)
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
    check_refusals(poster)
    assert poster.statuses() <= {202, 503}
    assert [user.end_of(job)["state"] for job in jobs] == ["succeeded"] * 3
    assert [user.story(job) for job in jobs] == [ONE_RUN] * 3


def test_after_postgres_stood_still_for_longer_than_a_lease_no_worker_is_called_lost(
    cluster: Cluster, user: Client
) -> None:
    jobs = [user.submit("dawdles", seconds=LEASE_SECONDS, report=False)["id"]]
    jobs += [user.submit("steps", seconds=LEASE_SECONDS + 3)["id"] for _ in range(2)]
    wait_for_claims(user, jobs)
    posters = [cluster.new_user() for _ in range(3)]
    with Poster(*posters) as poster:
        with frozen(cluster.own.postgres):
            time.sleep(LEASE_SECONDS + 2)
        cluster.ledger.fault_is_over()
    _, longest = poster.show("while Postgres stood still")
    check_refusals(poster)
    assert poster.statuses() == {202, 503}
    assert longest < LONGEST_ANSWER_SECONDS
    assert [user.end_of(job)["state"] for job in jobs] == ["succeeded"] * 3
    # The first has ended meanwhile; the others' work was stopped by the clock of their worker.
    assert user.story(jobs[0]) == ONE_RUN
    for job in jobs[1:]:
        assert user.story(job) == "accepted admitted claimed handed_back claimed succeeded"
        assert user.job(job)["attempt"] == 1


def wait_for_claims(user: Client, jobs: Iterable[str]) -> None:
    wait_for(lambda: all(user.job(job)["state"] == "running" for job in jobs), "all claims")


def check_refusals(poster: Poster) -> None:
    for response in poster.refused():
        problem = response.json()
        assert (response.status_code, problem["code"]) == (503, "database_unavailable"), problem
        assert problem["retryable"]
        assert int(response.headers["Retry-After"]) > 0
    assert all(each.response is not None for each in poster.answers)


def wait_for_ends(cluster: Cluster, users: Iterable[Client], wanted: int) -> None:
    counting = "SELECT count(*) FROM jobs WHERE state = 'succeeded' AND user_id = ANY(%s::uuid[])"
    ids = [each.user_id for each in users]
    wait_for(
        lambda: int(query(cluster.database_url, counting, ids)[0][0]) >= wanted, f"{wanted} ends"
    )
