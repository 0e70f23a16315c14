"""RabbitMQ as broker: what is marked `rabbitmq` among the tests of faults, once more; and itself away."""

from collections import Counter
from collections.abc import Callable, Iterator
from types import ModuleType

import pytest

from tests.faults import test_messages, test_valkey, test_workers
from tests.faults.cluster import Cluster, frozen
from tests.faults.ledger import Client
from tests.faults.test_messages import broker  # noqa: F401  # the fixture of those
from tests.faults.test_valkey import Outage, check_outage, emptied

CLUSTER = {"workers": 2, "rabbitmq": True}
AWAY_SECONDS = 5.0  # and until it answers again


def marked(module: ModuleType) -> Iterator[tuple[str, Callable[..., None]]]:
    """The tests of a module that have the mark."""
    for name, function in vars(module).items():
        marks = {mark.name for mark in getattr(function, "pytestmark", [])}
        if name.startswith("test_") and "rabbitmq" in marks:
            yield name.replace("test_", "test_with_rabbitmq_", 1), function


AGAIN = dict(pair for each in (test_messages, test_valkey, test_workers) for pair in marked(each))
globals().update(AGAIN)


def test_every_kind_of_fault_is_tried_with_rabbitmq_too() -> None:
    assert len(AGAIN) >= 7, list(AGAIN)


@pytest.mark.parametrize("outage", [emptied, frozen], ids=["its_data_lost", "paused"])
def test_jobs_are_accepted_at_once_and_end_though_rabbitmq_is_away(
    cluster: Cluster, user: Client, outage: Outage
) -> None:
    check_outage(cluster, user, outage, AWAY_SECONDS)


def test_two_workers_share_the_queue_of_rabbitmq(cluster: Cluster, user: Client) -> None:
    users = [user, cluster.new_user()]
    # A worker runs two at once, so four that are held need both.
    held = [cluster.points.arm("running", "hold") for _ in range(4)]
    jobs = [(each, each.submit("steps")["id"]) for each in users for _ in range(2)]
    workers = Counter(point.wait()["group"] for point in held)
    cluster.ledger.fault_is_over()
    for point in held:
        point.release()
    assert set(workers.values()) == {2}, workers
    assert {each.end_of(job)["state"] for each, job in jobs} == {"succeeded"}
