"""Replay races live traffic, and the connection is cut at random places."""

import gc
import random
import select
import socket
import threading
from pathlib import Path

import pytest

from tests.faults.bell import Ringing
from tests.faults.cluster import Cluster
from tests.faults.crowd import Crowd
from tests.faults.layer import Pauses
from tests.faults.relay import CHUNK, TURN_SECONDS, Relay
from tests.faults.shipped import Shipped
from tests.faults.world import World
from tests.support.waiting import wait_for

SEEDS = 400
CLIENTS, PYTHON = 24, 6
SHIPPED, CUTS = 4, 3
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
    """Breaks each connection after so many bytes, at random, unless it is told to `spare` them.

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

    def bite(self) -> None:
        """From now on they break; those that have lasted too long do at the next byte."""
        self._spared.clear()

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
    cluster: Cluster, relays: list[CuttingRelay], crowd: Crowd
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
    crowd.wait_until_up()  # so that no handshake is under way that was cut
    gc.collect()


def test_the_clients_that_we_ship_give_each_number_once_however_they_are_cut(
    cluster: Cluster, relays: list[CuttingRelay], crowd: Crowd, tmp_path: Path
) -> None:
    mine = relays[:SHIPPED]
    for each in mine:
        each.spare()  # a sign-in that is cut is an error, and the user's to repeat
    users = [cluster.new_user() for _ in mine]
    user_ids = [each.user_id for each in users]
    crowd.bell.fill(user_ids, UNSEEN)
    Shipped(users, [f"http://127.0.0.1:{each.port}" for each in mine], tmp_path)
    for each in mine:
        each.bite()
    with Ringing(crowd.bell, user_ids):
        wait_for(lambda: all(each.cuts >= CUTS for each in mine), "enough cuts of each", 120)
    for each in mine:
        each.spare()
    cluster.ledger.fault_is_over()
