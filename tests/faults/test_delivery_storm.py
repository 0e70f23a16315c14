"""A thousand clients return in the same second, each with fifty notifications that it has not seen."""

import statistics
import time

import psutil
import pytest

from tests.faults.cluster import Cluster
from tests.faults.crowd import Crowd
from tests.faults.ledger import Client
from tests.faults.prober import Prober
from tests.support.memory import PeakMemory

CLIENTS, UNSEEN = 1000, 50
PATIENCE = 300.0  # seconds; on a quiet machine it takes 16
MEGABYTE = 1 << 20


@pytest.mark.timeout(600)
def test_a_thousand_clients_that_return_at_once_get_all_in_order_while_rest_answers(
    cluster: Cluster, crowd: Crowd, user: Client
) -> None:
    server = cluster.server.process
    alone = resident(server.pid)
    crowd.join(CLIENTS, 0, cluster.url)
    idle = resident(server.pid)
    crowd.leave()
    crowd.bell.fill(crowd.user_ids, UNSEEN)
    cluster.ledger.fault_is_over()
    begun = time.time()
    with Prober(user) as prober, PeakMemory(server.pid) as memory:
        crowd.come_back()
        crowd.wait_until_heard(UNSEEN, PATIENCE)
    last = max(each.given[-1][1] for each in crowd.records) - begun
    print(  # noqa: T201
        f"{CLIENTS} × {UNSEEN} within {last:.1f} s; REST meanwhile: {len(prober.seconds)} answers, "
        f"median {statistics.median(prober.seconds):.3f} s, longest {max(prober.seconds):.3f} s; "
        f"server: {alone:.0f} MB alone, {idle:.0f} MB with idle clients, "
        f"{memory.bytes / MEGABYTE:.0f} MB at most"
    )
    assert prober.statuses == {200}
    assert statistics.median(prober.seconds) < 2.0
    assert max(prober.seconds) < 15.0  # the machine is busy
    assert memory.bytes / MEGABYTE - idle < 50
    assert memory.bytes / MEGABYTE - alone < CLIENTS * 1


def resident(pid: int) -> float:
    """Megabytes of memory that the process takes now."""
    return float(psutil.Process(pid).memory_info().rss) / MEGABYTE
