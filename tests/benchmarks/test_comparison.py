"""The frame of the benchmarks: order, medians, ratios, faults, report."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.comparison import figures, report, running
from benchmarks.comparison.model import (
    Case,
    Fault,
    Invocation,
    Outcome,
    Quantity,
)
from benchmarks.comparison.running import Plan
from tests.benchmarks.comparing import CASES, benchmark, contender, measured, outcomes, saying


def test_each_round_begins_with_another_contender_and_measures_all_of_them_case_by_case() -> None:
    three = [contender(key) for key in "abc"]
    rounds = [
        [(case.label, each.key) for case, each in running.order(CASES, three, number)]
        for number in range(4)
    ]
    assert rounds[0] == [(case.label, key) for case in CASES for key in "abc"]
    assert rounds[1] == [(case.label, key) for case in CASES for key in "bca"]
    assert rounds[2] == [(case.label, key) for case in CASES for key in "cab"]
    assert rounds[3] == rounds[0]


def test_who_is_slow_in_the_first_round_is_measured_less_often(tmp_path: Path) -> None:
    prepared = benchmark(contender("ours", 1), contender("slow", 21), cases=CASES[:1])
    lines: list[str] = []
    seen: list[int] = []
    results = running.run(
        prepared,
        Plan(rounds=4, slow_rounds=2, slow_seconds=20, timeout=60),
        tmp_path,
        lines.append,
        lambda found: seen.append(sum(len(each.measurements) for each in found.values())),
    )
    assert [len(each.measurements) for each in results.values()] == [4, 2]
    assert seen == [2, 4, 5, 6]
    assert len(lines) == 6
    assert "rows/s" in lines[0]
    assert not [*tmp_path.iterdir()]


def test_more_slow_rounds_than_rounds_are_not_run() -> None:
    plan = Plan(rounds=1, slow_rounds=5, slow_seconds=20, timeout=60)
    assert not running.is_due(Outcome([measured(30)]), plan)


def test_a_figure_is_the_median_of_its_rounds_and_is_compared_with_ours() -> None:
    prepared = benchmark(contender("ours"), contender("other"), contender("floor", is_floor=True))
    results = outcomes([1, 9, 2], [3, 100, 5])
    results |= {(case.name, "floor"): Outcome([measured(0.1)]) for case in CASES}
    assert figures.median(results[CASES[0].name, "ours"]) == 2
    assert figures.ratios(prepared, results, CASES[0]) == {"other": 2.5}
    assert figures.growth(measured(1)) == 20_000_000


def test_what_has_failed_once_has_no_figure_whatever_its_other_rounds_were() -> None:
    prepared = benchmark(contender("ours"), contender("other"))
    results = outcomes([1], [2], fault="broke")
    assert figures.ratios(prepared, results, CASES[0]) == {"other": None}
    assert figures.faults(prepared, results) == [
        "Other, clean, 10 rows: broke",
        "Other, clean, 20 rows: broke",
    ]
    text = report.markdown(prepared, results, about())
    assert "- Other, clean, 10 rows: broke" in text
    assert "| clean, 10 rows | fault |" in text
    assert "| Other | fault | – | – | – | – | – |\n" in text


def test_without_ours_there_are_figures_and_no_ratios() -> None:
    prepared = benchmark(contender("other"))
    results = {key: each for key, each in outcomes([1], [2]).items() if key[1] == "other"}
    text = report.markdown(prepared, results, about())
    assert "| clean, 10 rows | – |" in text
    assert "| Other | 1 | 2.000 | 5 |" in text


def about() -> dict[str, Any]:
    names = ("date", "processor", "cores", "memory_gb", "system", "python", "load")
    return dict.fromkeys(names, "")


def test_the_report_has_every_quantity_and_compares_those_that_are_to_be() -> None:
    quantity = Quantity("size", "size", compared=True)
    prepared = benchmark(
        contender("ours"),
        contender("other", differences=["Is | other."]),
        quantities=[quantity],
        notes=["A note."],
        findings=lambda results: [f"{len(results)} results."],
    )
    text = report.markdown(prepared, outcomes([4], [2]), about(), picture="images/tiny.png")
    assert "| clean, 20 rows | 0.50 |" in text
    assert "| Ours | 1 | 4.000 | 2 | 8.000 | 30.0 | 20.0 | 4.0 | 2.00 |" in text
    assert "| Other | 1 | 2.000 | 5 | 4.000 | 30.0 | 20.0 | 2.0 | 1.00 |" in text
    for words in ("A note.", "- 4 results.", "![Tiny](images/tiny.png)", "Is / other."):
        assert words in text


@pytest.mark.parametrize(
    ("invoke", "words"),
    [
        (saying("", 3, "one\ntwo\nno such library\n"), "status 3: one / two / no such library"),
        (saying("hello"), "did not say what it measured, but: 'hello\\n'"),
        (saying('{"seconds": 1}'), "did not say what it measured"),
        (lambda case, folder: Invocation(["/no/such/program"]), "No such file"),
    ],
)
def test_a_process_that_fails_is_a_fault(
    invoke: Callable[[Case, Path], Invocation], words: str, tmp_path: Path
) -> None:
    with pytest.raises(Fault) as found:
        running.measure(invoke(CASES[0], tmp_path), 60)
    assert words in str(found.value)


def test_a_process_that_takes_too_long_is_ended_and_is_a_fault() -> None:
    endless = Invocation([sys.executable, "-I", "-S", "-c", "while True: pass"])
    with pytest.raises(Fault, match=r"took more than 0\.1 s"):
        running.measure(endless, 0.1)
