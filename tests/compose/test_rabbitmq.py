"""The profile `rabbitmq`: RabbitMQ as broker in containers, by setting one variable."""

import secrets
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.compose.conftest import Composed
from tests.compose.test_scale import worker_of
from tests.support.api import Api
from tests.support.socket import Listener
from tests.support.waiting import wait_for

# Also with what needs care in shells and addresses: / and % and a quote.
BROKER_URL = f"amqp://ringback:{secrets.token_urlsafe(16)}%2F%25%27@rabbitmq:5672//"
# What the processes themselves have as their broker: they ask for the workers that wait there.
CONSUMERS = """
from contextlib import closing
from app.config import Settings
from app.jobs.broker import make_celery
with make_celery(Settings.load()).connection_for_write() as connection:
    assert connection.transport.driver_name == "py-amqp", connection.transport.driver_name
    with closing(connection.channel()) as channel:
        print(channel.queue_declare("default", passive=True).consumer_count)
"""


@pytest.fixture(scope="module")
def with_rabbitmq(composed: Composed) -> Iterator[Composed]:
    before = composed.environment
    wanted = {"COMPOSE_PROFILES": "rabbitmq", "RINGBACK_BROKER_URL": BROKER_URL}
    composed.environment = before | wanted
    try:
        composed.up()
        yield composed
    finally:
        composed.try_to("rm", "--stop", "--force", "rabbitmq")
        composed.environment = before
        composed.up()


@pytest.fixture
def user(with_rabbitmq: Composed) -> Api:
    return with_rabbitmq.new_user()


def consumers(composed: Composed) -> int:
    return int(composed.execute("worker", "python", "-c", CONSUMERS))


def test_rabbitmq_is_healthy_without_root_and_reachable_from_inside_only(
    with_rabbitmq: Composed,
) -> None:
    (container,) = with_rabbitmq.of("rabbitmq")
    assert container.is_healthy
    assert container.facts["Config"]["User"] == "rabbitmq"
    assert container.host["ReadonlyRootfs"]
    assert container.host["CapDrop"] == ["ALL"]
    assert (container.published, set(container.networks)) == (set(), {"back"})
    assert with_rabbitmq.try_to("exec", "-T", "rabbitmq", "touch", "/somewhere").returncode != 0
    arguments = with_rabbitmq.execute("rabbitmq", "bash", "-c", "cat /proc/[0-9]*/cmdline || true")
    assert BROKER_URL.split(":")[2].partition("%")[0] not in arguments


def test_a_job_goes_through_rabbitmq_in_containers_and_its_owner_is_rung(
    with_rabbitmq: Composed, user: Api
) -> None:
    assert wait_for(lambda: consumers(with_rabbitmq), "a worker at RabbitMQ") == 1
    with Listener(user.url).connect(user.token, after=0) as listener:
        job = user.submit("excel_test", rows=10)
        assert listener.wait_for("notification")[0]["job_id"] == job["id"]
    assert user.job(job["id"])["state"] == "succeeded"


def test_scaled_workers_share_the_queue_of_rabbitmq(with_rabbitmq: Composed) -> None:
    with_rabbitmq.up("--scale", "worker=2")
    try:
        wait_for(lambda: consumers(with_rabbitmq) == 2, "both workers at RabbitMQ")
        users = [with_rabbitmq.new_user() for _ in range(2)]
        with ExitStack() as stack:
            listeners = [
                stack.enter_context(Listener(with_rabbitmq.url).connect(each.token))
                for each in users
            ]
            # A worker runs two at once, so four need both.
            jobs = [(each, each.submit("wait", seconds=5)["id"]) for each in users for _ in "12"]
            for listener in listeners:
                listener.wait_for("notification", 2)
        assert len(Counter(worker_of(user, job) for user, job in jobs)) == 2
    finally:
        with_rabbitmq.up()


def test_jobs_accepted_while_the_container_of_rabbitmq_was_dead_end_when_it_is_back(
    with_rabbitmq: Composed, user: Api
) -> None:
    with_rabbitmq.run("kill", "rabbitmq")
    jobs = [user.submit("add", a=number, b=0)["id"] for number in range(3)]
    with_rabbitmq.up()
    for job in jobs:
        assert user.end_of(job)["state"] == "succeeded"


def test_rabbitmq_without_an_address_says_what_to_set_and_does_not_run(
    with_rabbitmq: Composed,
) -> None:
    without = ("-e", "RINGBACK_BROKER_URL=")
    done = with_rabbitmq.try_to("run", "--rm", "--no-deps", "-T", *without, "rabbitmq")
    assert done.returncode == 78
    assert "RINGBACK_BROKER_URL must be amqp://USER:PASSWORD@rabbitmq:5672//" in done.stderr
