"""Valkey, which carries the hints, and Postgres, which holds the truth, go away below 200 clients."""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from app.standalone.server import Server
from tests.faults.cluster import Cluster, frozen
from tests.faults.crowd import Crowd
from tests.faults.ledger import Client
from tests.support.waiting import wait_for

JAVASCRIPT, PYTHON = 180, 20
OUTAGE_SECONDS = 3.0
Outage = Callable[[Cluster], AbstractContextManager[None]]


@contextmanager
def valkey_stopped(cluster: Cluster) -> Iterator[None]:
    cluster.own.valkey.kill()
    yield
    cluster.own.valkey.start()


@contextmanager
def valkey_emptied(cluster: Cluster) -> Iterator[None]:
    cluster.own.valkey.kill()
    yield
    shutil.rmtree(cluster.own.valkey.folder / "appendonlydir")
    cluster.own.valkey.start()


def valkey_paused(cluster: Cluster) -> AbstractContextManager[None]:
    return frozen(cluster.own.valkey)


def postgres_restarted(cluster: Cluster) -> AbstractContextManager[None]:
    return restarted(cluster.own.postgres)


def postgres_paused(cluster: Cluster) -> AbstractContextManager[None]:
    return frozen(cluster.own.postgres)


@contextmanager
def restarted(server: Server) -> Iterator[None]:
    server.kill()
    yield
    server.start()


@pytest.mark.parametrize("outage", [valkey_stopped, valkey_emptied, valkey_paused])
def test_200_clients_are_told_what_ends_while_valkey_is_away(
    cluster: Cluster, crowd: Crowd, user: Client, outage: Outage
) -> None:
    crowd.join(JAVASCRIPT, PYTHON, cluster.url)
    crowd.listen_for(user, cluster.url)
    jobs = [user.submit("steps", seconds=0.5)["id"] for _ in range(3)]
    wait_for_claims(user, jobs[:2])
    with outage(cluster), crowd.ringing():
        # No hint comes through: the servers find the rows by themselves.
        crowd.ring(hints=False)
        crowd.wait_until_heard(1)
        assert [user.end_of(job)["state"] for job in jobs[:2]] == ["succeeded"] * 2
        crowd.bell.ring(crowd.user_ids[:50], hints=False)
    cluster.ledger.fault_is_over()
    assert user.end_of(jobs[2])["state"] == "succeeded"
    crowd.ring()
    assert all(len(each.ups) == 1 for each in crowd.records)  # nobody lost the connection


@pytest.mark.parametrize("outage", [postgres_restarted, postgres_paused])
def test_200_clients_stay_or_return_and_are_told_all_when_postgres_is_back(
    cluster: Cluster, crowd: Crowd, user: Client, outage: Outage
) -> None:
    crowd.join(JAVASCRIPT, PYTHON, cluster.url)
    crowd.listen_for(user, cluster.url)
    jobs = [user.submit("steps", seconds=1)["id"] for _ in range(3)]
    wait_for_claims(user, jobs[:2])
    with crowd.ringing() as ringing:
        crowd.ring(hints=False)  # and they are asked for while Postgres is away
        with outage(cluster):
            crowd.lose_some()
            time.sleep(OUTAGE_SECONDS)
        cluster.ledger.fault_is_over()
        crowd.wait_until_up()
        rung = ringing.rung
        wait_for(lambda: ringing.rung > rung + 20, "notifications after the outage")
    assert [user.end_of(job)["state"] for job in jobs] == ["succeeded"] * 3


def wait_for_claims(user: Client, jobs: list[str]) -> None:
    wait_for(lambda: all(user.job(job)["state"] == "running" for job in jobs), "all claims")
