"""Messages that come twice, late, in another order, or not at all."""

import random
import time
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from celery import Celery

from app.config import Settings
from app.jobs.broker import RUN_JOB, make_celery
from tests.faults.cluster import Cluster
from tests.faults.ledger import Client
from tests.support.waiting import wait_for

Message = dict[str, Any]
CLUSTER = {"workers": 2}
ONE_RUN = "accepted admitted claimed succeeded"


@pytest.fixture
def broker(cluster: Cluster) -> Iterator[Celery]:
    """For messages that the test sends."""
    names = ("secret_key", "redis_url", "broker_url", "database_url", "environment")
    settings = {name: cluster.environment.get(f"RINGBACK_{name.upper()}") for name in names}
    celery = make_celery(Settings.load(**settings))
    yield celery
    celery.close()


def deliver(broker: Celery, messages: Iterable[Message]) -> None:
    for each in messages:
        broker.send_task(RUN_JOB, args=each["args"], queue=each["options"]["queue"])


def jobs_of(messages: Iterable[Message]) -> set[str]:
    return {each["args"][0] for each in messages}


def submit_undelivered(cluster: Cluster, count: int) -> tuple[dict[str, Client], list[Message]]:
    """Jobs of several users, whose messages the test has instead of the broker."""
    kept = cluster.points.arm("dispatch", "divert", keep=True)
    jobs: dict[str, Client] = {}
    for _ in range(count):
        user = cluster.new_user()
        jobs |= {user.submit("steps")["id"]: user for _ in range(2)}
    wait_for(lambda: jobs_of(cluster.points.diverted()) == set(jobs), "messages")
    kept.disarm()
    return jobs, cluster.points.diverted()


def deliver_in_vain(cluster: Cluster, broker: Celery, messages: list[Message]) -> None:
    """Returns when workers have found nothing to do for each of them."""
    about = jobs_of(messages)
    before = len(found_nothing(cluster, about))
    deliver(broker, messages)
    wait_for(
        lambda: len(found_nothing(cluster, about)) >= before + len(messages),
        "workers that find nothing to claim",
    )


def found_nothing(cluster: Cluster, jobs: set[str]) -> list[str]:
    lines = (line for each in cluster.workers for line in each.log.read_text().splitlines())
    said = [line for line in lines if "nothing to claim" in line]
    return [line for line in said if any(job in line for job in jobs)]


@pytest.mark.rabbitmq
def test_messages_that_come_twice_and_out_of_order_run_each_job_once(
    cluster: Cluster, broker: Celery
) -> None:
    jobs, messages = submit_undelivered(cluster, 3)
    cluster.ledger.fault_is_over()
    doubled = messages * 2
    random.shuffle(doubled)
    deliver(broker, doubled)
    for job, user in jobs.items():
        user.end_of(job)
        assert user.story(job) == ONE_RUN


def test_messages_that_come_after_the_end_of_their_jobs_change_nothing(
    cluster: Cluster, broker: Celery
) -> None:
    jobs, messages = submit_undelivered(cluster, 2)
    deliver(broker, messages)
    before = {job: user.end_of(job) for job, user in jobs.items()}
    deliver_in_vain(cluster, broker, messages * 3)
    cluster.ledger.fault_is_over()
    assert {job: user.job(job) for job, user in jobs.items()} == before
    assert {user.story(job) for job, user in jobs.items()} == {ONE_RUN}


@pytest.mark.rabbitmq
def test_messages_that_come_while_their_job_runs_do_not_start_it_again(
    cluster: Cluster, user: Client, broker: Celery
) -> None:
    running = cluster.points.arm("running", "hold")
    held = cluster.points.arm("dispatch", "divert")
    job = user.submit("steps")["id"]
    held.wait()
    messages = cluster.points.diverted()
    deliver(broker, messages)
    running.wait()
    deliver_in_vain(cluster, broker, messages * 3)
    cluster.ledger.fault_is_over()
    running.release()
    user.end_of(job)
    assert user.story(job) == ONE_RUN


@pytest.mark.rabbitmq
def test_the_message_of_a_lost_attempt_that_comes_late_does_not_run_the_next_one_twice(
    cluster: Cluster, user: Client, broker: Celery
) -> None:
    held = cluster.points.arm("dispatch", "divert")
    killed = cluster.points.arm("running", "kill")
    job = user.submit("steps", seconds=1)["id"]
    held.wait()
    old = cluster.points.diverted()
    deliver(broker, old)
    killed.wait()
    cluster.ledger.fault_is_over()
    wait_for(lambda: "requeued" in user.story(job), "the rescue")
    while user.job(job)["state"] in {"queued", "running"}:
        deliver(broker, old * 2)
        time.sleep(0.1)
    assert user.end_of(job)["attempt"] == 2
    assert user.story(job).split().count("claimed") == 2


def test_jobs_whose_messages_are_all_lost_run_nevertheless(cluster: Cluster) -> None:
    jobs, _ = submit_undelivered(cluster, 2)
    cluster.ledger.fault_is_over()
    for job, user in jobs.items():
        user.end_of(job)
        assert user.story(job) == ONE_RUN


def test_a_message_of_a_job_that_never_was_harms_nobody(
    cluster: Cluster, user: Client, broker: Celery
) -> None:
    nobody = "00000000-0000-7000-8000-000000000000"
    message = {"args": [nobody, 0], "options": {"queue": "default"}}
    deliver_in_vain(cluster, broker, [message] * 4)
    cluster.ledger.fault_is_over()
    assert user.run("steps")["attempt"] == 1
