"""A server's subscription to Redis is lost, or deaf: it finds out, and makes a new one.

The server asks Postgres once a minute only: what arrives sooner was told by a hint, or by the question
that each new subscription brings about.
"""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import pytest
import redis
import requests
import socketio

from tests.faults.cluster import Cluster, frozen
from tests.faults.crowd import Crowd
from tests.faults.ledger import Client
from tests.faults.relay import Relay
from tests.support.socket import Listener
from tests.support.stack import AppServer
from tests.support.waiting import wait_for

RECONCILE_SECONDS = 60.0
# Promised: a few seconds. On a busy machine a test waits longer, and far less than a reconcile takes.
HEARS_SECONDS = 20.0
DEAF = "ringback_socket_subscriptions_deaf_total"
MADE = "ringback_socket_subscriptions_total"


@dataclass
class Line:
    """A server that reaches Redis through a relay."""

    server: AppServer
    relay: Relay
    cluster: Cluster

    def reason(self) -> str:
        """What `/readyz` says of the subscription; "" if all is well."""
        answer = requests.get(f"{self.server.url}/readyz", timeout=10)
        assert answer.status_code == 200, "a server without hints is ready all the same"
        return str(answer.json()["parts"]["subscription"]["reason"])

    def count(self, name: str) -> float:
        """The value of a metric."""
        text = requests.get(f"{self.server.url}/metrics", timeout=10).text
        (line,) = [each for each in text.splitlines() if each.startswith(f"{name} ")]
        return float(line.split()[1])

    def valkey(self) -> "redis.Redis":
        """Not through the relay."""
        return redis.Redis.from_url(self.cluster.environment["RINGBACK_REDIS_URL"])

    def emit(self, client: Client, text: str) -> None:
        """As any program does that uses python-socketio."""
        manager = socketio.RedisManager(
            self.cluster.environment["RINGBACK_REDIS_URL"],
            channel=self.cluster.environment["RINGBACK_CHANNEL"],
            write_only=True,
        )
        manager.emit("news", {"text": text}, room=f"user:{client.user_id}")


@pytest.fixture(scope="module")
def line_of_module(cluster_of_module: Cluster) -> Iterator[Line]:
    line = lay(cluster_of_module, "eventlet")
    cluster_of_module.keep(line.server)
    yield line
    line.relay.cut()


@pytest.fixture
def line(line_of_module: Line, cluster: Cluster) -> Iterator[Line]:
    """Nothing is wrong with it."""
    wait_for(lambda: line_of_module.reason() == "", "that the server hears", HEARS_SECONDS)
    yield line_of_module
    line_of_module.relay.mend()


def lay(cluster: Cluster, engine: str) -> Line:
    """A server of its own, and its relay."""
    port = cluster.own.valkey.port
    assert port is not None
    relay = Relay(port)
    url = cluster.environment["RINGBACK_REDIS_URL"].replace(f":{port}/", f":{relay.port}/")
    server = cluster.add_server(
        engine,
        RINGBACK_REDIS_URL=url,
        RINGBACK_RECONCILE_SECONDS=str(RECONCILE_SECONDS),
    )
    return Line(server, relay, cluster)


Fault = Callable[[Line], AbstractContextManager[None]]


@contextmanager
def stopped(line: Line) -> Iterator[None]:
    line.cluster.own.valkey.kill()
    yield
    line.cluster.own.valkey.start()


@contextmanager
def emptied(line: Line) -> Iterator[None]:
    with line.valkey() as valkey:
        valkey.flushall()
    yield


def paused(line: Line) -> AbstractContextManager[None]:
    return frozen(line.cluster.own.valkey)


@contextmanager
def killed(line: Line) -> Iterator[None]:
    """Each connection that subscribes, and no other."""
    with line.valkey() as valkey:
        assert valkey.execute_command("CLIENT", "KILL", "TYPE", "pubsub") > 0
    yield


@contextmanager
def cut_off(line: Line) -> Iterator[None]:
    line.relay.cut()
    yield
    line.relay.mend()


@contextmanager
def silent(line: Line) -> Iterator[None]:
    """No byte of any connection passes, and none is reset."""
    line.relay.freeze()
    yield
    line.relay.mend()


@contextmanager
def deaf(line: Line) -> Iterator[None]:
    """What subscribes hears no more, while all else goes on."""
    line.relay.swallow(b"SUBSCRIBE")
    yield
    line.relay.mend()


FAULTS = [stopped, emptied, paused, killed, cut_off, silent, deaf]


def rings_live(line: Line, crowd: Crowd, number: int) -> None:
    """Wait until hints come through again, and see that they ring."""
    begun = time.monotonic()
    wait_for(lambda: line.reason() == "", "that the server hears", HEARS_SECONDS)
    made = line.count(MADE)
    crowd.ring()
    crowd.wait_until_heard(number, HEARS_SECONDS)
    assert line.count(MADE) == made, "a new subscription, not the hint, brought it"
    assert time.monotonic() - begun < RECONCILE_SECONDS / 2


@pytest.mark.parametrize("fault", FAULTS)
def test_hints_ring_again_once_redis_is_back_and_nothing_is_missing(
    cluster: Cluster, crowd: Crowd, line: Line, fault: Fault
) -> None:
    crowd.join(10, 2, line.server.url)
    rings_live(line, crowd, 1)
    with fault(line):
        crowd.ring()
        time.sleep(random.uniform(0, 2))
    cluster.ledger.fault_is_over()
    rings_live(line, crowd, 3)


def test_faults_one_after_the_other_in_any_order_leave_a_server_that_hears(
    cluster: Cluster, crowd: Crowd, line: Line
) -> None:
    crowd.join(10, 2, line.server.url)
    order = random.sample(FAULTS, len(FAULTS))
    for fault in order:
        with fault(line):
            crowd.ring()
            time.sleep(random.uniform(0, 1))
        if fault in {stopped, cut_off, silent, paused}:  # else there may be nobody to kill
            wait_for(lambda: line.reason() == "", f"that it hears, in {order}", HEARS_SECONDS)
    cluster.ledger.fault_is_over()
    rings_live(line, crowd, len(order) + 1)


@pytest.mark.parametrize("engine", ["eventlet", "gevent"])
def test_a_deaf_subscription_is_found_out_counted_shown_and_made_anew(
    cluster: Cluster, crowd: Crowd, line: Line, user: Client, engine: str
) -> None:
    line = line if engine == line.server.engine else lay(cluster, engine)
    counted = line.count(DEAF)
    crowd.join(10, 2, line.server.url)
    with Listener(line.server.url).connect(user.token) as listener:
        listener.wait_for("ready")
        line.emit(user, "before")
        listener.wait_for("news")
        line.relay.swallow(b"SUBSCRIBE")  # also each new one
        wait_for(lambda: "does not arrive" in line.reason(), "that it is shown", HEARS_SECONDS)
        wait_for(lambda: line.count(DEAF) > counted, "that it is counted", HEARS_SECONDS)
        assert "subscription deaf" in line.server.process.log.read_text()
        wait_for(lambda: "not subscribed" in line.reason(), "the next attempt", HEARS_SECONDS)
        crowd.ring()
        line.relay.mend()
        cluster.ledger.fault_is_over()
        rings_live(line, crowd, 2)
        line.emit(user, "after")
        listener.wait_for("news", 2)
        assert [each["text"] for each in listener.named("news")] == ["before", "after"]


def test_while_redis_is_away_a_server_does_not_spin(
    cluster: Cluster, crowd: Crowd, line: Line
) -> None:
    crowd.join(10, 2, line.server.url)
    line.relay.cut()
    wait_for(lambda: line.reason() != "", "that it is shown", HEARS_SECONDS)
    lines = line.server.process.log.read_text().count("subscription lost")
    begun = time.monotonic()
    time.sleep(5)
    more = line.server.process.log.read_text().count("subscription lost") - lines
    assert more <= 10 * (time.monotonic() - begun) / 5
    line.relay.mend()
    cluster.ledger.fault_is_over()
    rings_live(line, crowd, 1)
