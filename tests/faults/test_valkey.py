"""Valkey, the broker and the carrier of hints, goes away in several ways."""

import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
import redis

from app.standalone.server import Server
from tests.faults.cluster import Cluster, frozen
from tests.faults.ledger import Client
from tests.faults.poster import Poster
from tests.support.waiting import wait_for

OUTAGE_SECONDS = 10.0
ONE_RUN = "accepted admitted claimed succeeded"
Outage = Callable[[Server], AbstractContextManager[None]]
DATA = {"Valkey": "appendonlydir", "RabbitMQ": "mnesia"}


@contextmanager
def stopped(broker: Server) -> Iterator[None]:
    broker.kill()
    yield
    broker.start()


@contextmanager
def emptied(broker: Server) -> Iterator[None]:
    broker.kill()
    yield
    shutil.rmtree(broker.folder / DATA[broker.name])
    broker.start()


@pytest.mark.parametrize(
    "outage", [stopped, emptied, frozen], ids=["stopped", "its_data_lost", "paused"]
)
def test_jobs_are_accepted_at_once_and_end_though_valkey_is_away_for_ten_seconds(
    cluster: Cluster, user: Client, outage: Outage
) -> None:
    check_outage(cluster, user, outage, OUTAGE_SECONDS)


def check_outage(cluster: Cluster, user: Client, outage: Outage, seconds: float) -> None:
    """The same with each broker."""
    others = [cluster.new_user() for _ in range(2)]
    # As many as the worker has processes: a message that cannot be acknowledged must not occupy one.
    running = [user.submit("steps", seconds=3)["id"] for _ in range(2)]
    queued = [user.submit("steps", seconds=0.1)["id"] for _ in range(2)]
    wait_for_claims(user, running)
    with outage(cluster.broker):
        begun = time.monotonic()
        with Poster(*others) as poster:
            ended = [user.end_of(job)["state"] for job in running]
            time.sleep(max(0, begun + seconds - time.monotonic()))
    cluster.ledger.fault_is_over()
    assert ended == ["succeeded", "succeeded"]
    median, longest = poster.show(f"while {cluster.broker.name} was away")
    assert poster.statuses() == {202}
    assert median < 1.0
    assert longest < 5.0  # the machine is busy
    for client in (user, *others):
        for job in cluster.ledger.jobs_of(client.user_id):
            assert client.end_of(job)["state"] == "succeeded"
            assert client.story(job) == ONE_RUN
    assert {user.job(job)["state"] for job in queued} == {"succeeded"}
    assert [user.run("steps")["state"] for _ in range(6)] == ["succeeded"] * 6


def test_messages_that_valkey_has_forgotten_are_sent_again(cluster: Cluster, user: Client) -> None:
    held = [cluster.points.arm("running", "hold") for _ in range(2)]
    jobs = [user.submit("steps")["id"] for _ in range(4)]
    for each in held:
        each.wait()
    with redis.Redis.from_url(cluster.environment["RINGBACK_REDIS_URL"]) as valkey:
        valkey.flushall()
    cluster.ledger.fault_is_over()
    for each in held:
        each.release()
    for job in jobs:
        assert user.end_of(job)["state"] == "succeeded"
        assert user.story(job) == ONE_RUN


@pytest.mark.rabbitmq
def test_a_worker_takes_jobs_again_after_each_of_several_silences(
    cluster: Cluster, user: Client
) -> None:
    for _ in range(3):
        jobs = [user.submit("steps", seconds=0.5)["id"] for _ in range(2)]
        wait_for_claims(user, jobs)
        with frozen(cluster.broker):
            assert {user.end_of(job)["state"] for job in jobs} == {"succeeded"}
            time.sleep(1.5)  # longer than a broker is given to take an acknowledgement
    cluster.ledger.fault_is_over()
    assert [user.run("steps")["state"] for _ in range(4)] == ["succeeded"] * 4


def test_jobs_accepted_by_a_server_that_dies_while_valkey_is_away_run_once_it_is_back(
    cluster: Cluster, user: Client
) -> None:
    doomed = cluster.add_server()
    there = user.through(doomed.url)
    with stopped(cluster.own.valkey):
        jobs = [there.submit("steps")["id"] for _ in range(4)]
        doomed.kill()  # and its unsent messages with it
    cluster.ledger.fault_is_over()
    for job in jobs:
        assert user.end_of(job)["state"] == "succeeded"
        assert user.story(job) == ONE_RUN


def wait_for_claims(user: Client, jobs: Iterable[str]) -> None:
    wait_for(lambda: all(user.job(job)["state"] == "running" for job in jobs), "all claims")
