"""Medians and ratios, and all raw figures as JSON."""

import statistics
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any

from benchmarks.comparison.model import Benchmark, Case, Measurement, Outcome, Results

Pick = Callable[[Measurement], float]


def seconds(measurement: Measurement) -> float:
    """By the clock."""
    return measurement.seconds


def growth(measurement: Measurement) -> float:
    """Bytes by which the work made the process larger."""
    return max(0, measurement.memory_peak - measurement.memory_before)


def median(outcome: Outcome, pick: Pick = seconds) -> float | None:
    """Of all rounds; None where there are no figures, or figures that must not count."""
    if outcome.fault is not None or not outcome.measurements:
        return None
    return statistics.median(map(pick, outcome.measurements))


def ratio(value: float | None, base: float | None) -> float | None:
    """How many times `base`; None if one of them is not known."""
    return value / base if value is not None and base else None


def ratios(benchmark: Benchmark, results: Results, case: Case) -> dict[str, float | None]:
    """How many times as long as ours the others take, by key; without the floors."""
    ours = results.get((case.name, benchmark.ours))
    base = median(ours) if ours else None
    return {
        each.key: ratio(median(results[case.name, each.key]), base)
        for each in benchmark.contenders
        if not each.is_floor and each.key != benchmark.ours
    }


def least(values: Iterable[float | None]) -> float | None:
    """The least of those that are known."""
    return min((each for each in values if each is not None), default=None)


def faults(benchmark: Benchmark, results: Results) -> list[str]:
    """What is to be said of contenders without figures."""
    return [
        f"{contender.title}, {case.name}: {fault}"
        for case in benchmark.cases
        for contender in benchmark.contenders
        if (fault := results[case.name, contender.key].fault) is not None
    ]


def raw(benchmark: Benchmark, results: Results, about: dict[str, Any]) -> dict[str, Any]:
    """Everything that was measured, as JSON values."""
    return {
        **about,
        "title": benchmark.title,
        "ours": benchmark.ours,
        "contenders": {each.key: each.version for each in benchmark.contenders},
        "cases": [
            {
                "name": case.name,
                "amount": case.amount,
                "ratios": ratios(benchmark, results, case),
                "contenders": {
                    each.key: asdict(results[case.name, each.key]) for each in benchmark.contenders
                },
            }
            for case in benchmark.cases
        ],
    }
