"""Replay races live traffic, and the connection is cut at random places."""

from tests.faults.world import World

SEEDS = 400


def test_whatever_is_cut_wherever_each_number_is_given_once_and_in_order() -> None:
    cuts = 0
    for seed in range(SEEDS):
        world = World(seed)
        world.run()
        assert world.findings() == [], f"seed {seed}"
        cuts += world.cuts
    assert cuts > 10 * SEEDS
