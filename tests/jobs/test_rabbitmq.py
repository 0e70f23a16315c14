"""RabbitMQ as broker: the same promises and the same order as with Redis."""

from contextlib import closing

import requests
from kombu import Connection

from app.jobs.alive import check_worker
from app.services import services
from tests.support.rabbitmq import CONSUMER_SECONDS, RabbitMQ
from tests.support.stack import Stack
from tests.support.turns import check_order_of_priorities
from tests.support.waiting import wait_for

ACCEPT_SECONDS = 2.0  # of the promise it is one; a busy machine may take longer


def consumers(broker: RabbitMQ) -> int:
    """How many workers wait for messages of the one queue."""
    with Connection(broker.url) as connection, closing(connection.channel()) as channel:
        try:
            return int(channel.queue_declare("default", passive=True).consumer_count)
        except connection.channel_errors:
            return 0  # no worker has made it yet


def test_a_job_goes_through_rabbitmq_from_its_submission_to_its_download(
    rabbit_stack: Stack, rabbitmq: RabbitMQ
) -> None:
    assert wait_for(lambda: consumers(rabbitmq), "a worker at RabbitMQ") == 1
    user = rabbit_stack.new_user()
    job = user.run("excel_test", rows=10)
    assert job["state"] == "succeeded"
    assert len(user.call("GET", job["artifact"]["url"]).content) == job["artifact"]["size"]
    assert [each["type"] for each in user.notifications()] == ["job.succeeded"]
    with rabbit_stack.core().app_context():
        check_worker(services().settings)
    parts = requests.get(f"{rabbit_stack.url}/readyz", timeout=5).json()["parts"]
    assert parts["broker"]["ok"]


def test_urgent_jobs_go_first_with_rabbitmq(rabbit_stack: Stack) -> None:
    check_order_of_priorities(rabbit_stack)


def test_a_job_that_outlasts_the_consumer_timeout_ends_once_and_its_worker_lives_on(
    rabbit_stack: Stack, rabbitmq: RabbitMQ
) -> None:
    user = rabbit_stack.new_user()
    job = user.submit("wait", seconds=CONSUMER_SECONDS + 2.0)
    log = rabbit_stack.worker.log
    wait_for(lambda: "PRECONDITION_FAILED" in log.read_text(), "the end of the worker's channel")
    ended = user.end_of(job["id"])
    assert (ended["state"], ended["attempt"]) == ("succeeded", 1)
    assert user.run("add", a=1, b=1)["state"] == "succeeded"
    assert rabbit_stack.worker.is_running
    assert [each["type"] for each in user.notifications()] == ["job.succeeded"] * 2


def test_all_jobs_end_though_rabbitmq_was_killed(rabbit_stack: Stack, rabbitmq: RabbitMQ) -> None:
    user = rabbit_stack.new_user()
    jobs = [user.submit("wait", seconds=1.0), user.submit("add", a=1, b=1)]
    wait_for(lambda: user.job(jobs[0]["id"])["state"] == "running", "the claim")
    rabbitmq.kill()
    answer = user.call("POST", "/v1/jobs", json={"type": "add", "params": {"a": 1, "b": 2}})
    assert answer.status_code == 202
    assert answer.elapsed.total_seconds() < ACCEPT_SECONDS
    jobs.append(answer.json())
    rabbitmq.start()
    assert [user.end_of(job["id"])["state"] for job in jobs] == ["succeeded"] * 3
    told = [each["job_id"] for each in user.notifications()]
    assert sorted(told) == sorted(job["id"] for job in jobs)
