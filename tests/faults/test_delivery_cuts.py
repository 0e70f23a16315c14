"""Replay races live traffic, and the connection is cut at random places."""

import gc
import random
import select
import socket
import threading

import pytest

from tests.faults.cluster import Cluster
from tests.faults.crowd import Crowd
from tests.faults.layer import Pauses
from tests.faults.relay import CHUNK, TURN_SECONDS, Relay
from tests.faults.world import World
from tests.support.waiting import wait_for

SEEDS = 400
CLIENTS, PYTHON = 24, 6
UNSEEN = 60
MOST_BYTES = 8_000  # a handshake takes 2,000
QUICK = Pauses(first=0.05, longest=0.3)


def test_whatever_is_cut_wherever_each_number_is_given_once_and_in_order() -> None:
    cuts = 0
    for seed in range(SEEDS):
        world = World(seed)
        world.run()
        assert world.findings() == [], f"seed {seed}"
        cuts += world.cuts
    assert cuts > 10 * SEEDS


class CuttingRelay(Relay):
    """Breaks each connection after so many bytes, at random, until `spare`.

    Attributes:
        cuts: how many it has broken.
    """

    def __init__(self, target: int, seed: int) -> None:
        self.cuts = 0
        self._random = random.Random(seed)
        self._spared = threading.Event()
        super().__init__(target)

    def spare(self) -> None:
        """From now on connections last."""
        self._spared.set()

    def _pump(self, others: dict[socket.socket, socket.socket]) -> None:
        left = self._random.randrange(MOST_BYTES)
        while True:
            readable, _, _ = select.select(list(others), [], [], TURN_SECONDS)
            for each in readable:
                data = each.recv(CHUNK)
                spared = self._spared.is_set()
                others[each].sendall(data if spared else data[: max(left, 0)])
                left -= len(data)
                if not data or (left <= 0 and not spared):
                    self.cuts += bool(data)
                    return


@pytest.fixture
def relays(cluster: Cluster) -> list[CuttingRelay]:
    """One for each client, each with its seed."""
    port = int(cluster.url.rpartition(":")[2])
    made = [CuttingRelay(port, seed) for seed in range(CLIENTS)]
    cluster.ledger.held.callback(lambda: [each.cut() for each in made])
    return made


# websocket-client leaves the socket of a handshake that was cut to the collector of garbage.
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_clients_whose_connections_are_cut_at_random_bytes_miss_nothing(
    cluster: Cluster, crowd: Crowd, relays: list[CuttingRelay]
) -> None:
    accounts = crowd.bell.accounts(CLIENTS)
    crowd.bell.fill([each.user_id for each in accounts], UNSEEN)
    urls = [[f"http://127.0.0.1:{each.port}"] for each in relays]
    crowd.add_javascript(accounts[PYTHON:], urls[PYTHON:], QUICK)
    crowd.add_python(accounts[:PYTHON], urls[:PYTHON], QUICK)
    with crowd.ringing():
        crowd.wait_until_heard(UNSEEN)
        wait_for(lambda: sum(each.cuts for each in relays) > 2 * CLIENTS, "enough cuts", 60)
    for each in relays:
        each.spare()
    cluster.ledger.fault_is_over()
    print(f"{sum(each.cuts for each in relays)} cuts of {CLIENTS} connections")  # noqa: T201
    gc.collect()
