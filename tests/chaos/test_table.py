"""A run that saw too little does not count, and says what it missed."""

from collections import Counter

import pytest

from tests.chaos.schedule import PROCESSES
from tests.chaos.table import Minimums, show


def counts(kills: int, **others: int) -> Counter[tuple[str, str]]:
    return Counter({(process, "kill"): others.get(process, kills) for process in PROCESSES})


@pytest.mark.parametrize(
    ("minutes", "jobs", "kills"), [(10, 500, 3), (60, 500, 3), (1, 50, 1), (3, 150, 1), (5, 250, 2)]
)
def test_a_shorter_run_needs_its_share(minutes: float, jobs: int, kills: int) -> None:
    assert Minimums.of(minutes) == Minimums(jobs, kills)
    assert Minimums.of(minutes).missed(jobs, counts(kills)) == []


def test_a_run_with_too_few_jobs_or_kills_does_not_count() -> None:
    least = Minimums.of(10)
    assert least.missed(499, counts(3)) == ["499 accepted jobs of 500"]
    assert least.missed(500, counts(3, beat=2)) == ["2 kills of beat of 3"]
    assert least.missed(500, Counter({("worker", "pause"): 9}) + counts(3, worker=0)) == [
        "0 kills of worker of 3"
    ]


def test_the_table_has_each_figure_and_each_fault() -> None:
    table = show([("accepted", 512)], counts(3) + Counter({("valkey", "flush"): 4}))
    assert ["accepted", "512"] in [line.split() for line in table.splitlines()]
    assert ["valkey", "4", "3", "7"] in [line.split() for line in table.splitlines()]
    assert ["beat", "-", "3", "3"] in [line.split() for line in table.splitlines()]
