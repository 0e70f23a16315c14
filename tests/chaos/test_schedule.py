"""The schedule is the same for a seed, breaks every kind of thing, and leaves time to mend it."""

from collections import Counter

import pytest

from tests.chaos.schedule import (
    KILLS,
    LONGEST_DOWN_SECONDS,
    OTHERS,
    PAUSE_SECONDS,
    PROCESSES,
    make_schedule,
)
from tests.chaos.table import FULL_JOBS, FULL_KILLS, FULL_MINUTES, Minimums

SEEDS = range(50)
FIRST_OF_SEED_1 = ["2.3 s  restart beat", "9.4 s  kill worker 2, 2.1 s", "11.6 s  cut valkey"]


def test_a_seed_gives_the_same_schedule_again_and_another_seed_another() -> None:
    assert make_schedule(7, 10) == make_schedule(7, 10)
    assert make_schedule(7, 10) != make_schedule(8, 10)


def test_a_seed_has_the_same_faults_in_every_version_of_this_code() -> None:
    """Else a failed run could not be repeated by its seed."""
    first = [str(each).strip() for each in make_schedule(1, 1)[:3]]
    assert first == FIRST_OF_SEED_1


def test_ten_minutes_kill_each_kind_of_process_three_times_and_more() -> None:
    for seed in SEEDS:
        counted = Counter((each.process, each.kind) for each in make_schedule(seed, FULL_MINUTES))
        assert all(counted[kill] >= FULL_KILLS for kill in KILLS), seed
        assert all(counted[other] >= 3 for other in OTHERS), seed


def test_one_minute_kills_each_kind_of_process() -> None:
    for seed in SEEDS:
        killed = {each.process for each in make_schedule(seed, 1) if each.kind == "kill"}
        assert killed == set(PROCESSES), seed


@pytest.mark.parametrize("minutes", [1, 1.5, 3, 6.7, 10, 30])
def test_a_schedule_has_all_kills_that_its_run_needs_to_count(minutes: float) -> None:
    counted = Counter((each.process, each.kind) for each in make_schedule(5, minutes))
    assert Minimums.of(minutes).missed(FULL_JOBS, counted) == []


def test_faults_come_in_order_within_the_time_and_pass() -> None:
    faults = make_schedule(5, 3)
    assert [each.at for each in faults] == sorted(each.at for each in faults)
    assert all(0 <= each.at <= 180 for each in faults)
    assert all(each.seconds <= LONGEST_DOWN_SECONDS for each in faults if each.kind != "pause")
    pauses = [each.seconds for each in faults if each.kind == "pause"]
    assert pauses and all(PAUSE_SECONDS[0] <= each <= PAUSE_SECONDS[1] for each in pauses)
