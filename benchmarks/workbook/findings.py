"""What follows from the results: how memory and files of ours do."""

from collections.abc import Iterator, Sequence

from benchmarks.comparison.figures import Pick, least, median, ratio
from benchmarks.comparison.model import Case, Measurement, Results
from benchmarks.workbook.contenders import OURS


def sentences(cases: Sequence[Case], results: Results) -> list[str]:
    """Of each group of cases: the memory of the least and the most rows, and the size of the largest file."""
    panels: dict[str, list[Case]] = {}
    for case in cases:
        panels.setdefault(case.panel, []).append(case)
    return [sentence for group in panels.values() for sentence in _of_group(group, results)]


def _of_group(cases: Sequence[Case], results: Results) -> Iterator[str]:
    small, large = min(cases, key=_amount), max(cases, key=_amount)
    first, last = (_median(each, OURS, results, _peak) for each in (small, large))
    if first is not None and last is not None and small is not large:
        yield (
            f"Memory, {small.panel}: Ringback takes {first / 1e6:.1f} MB at the most with {small.label}, "
            f"{last / 1e6:.1f} MB with {large.label}: {round((last - first) / 1e6, 1) + 0.0:+.1f} MB."
        )
    others = {key for name, key in results if name == large.name}
    sizes = {key: _median(large, key, results, _size) or None for key in others}
    if found := ratio(sizes.get(OURS), least(sizes.values())):
        yield f"File, {large.name}: Ringback's is {found:.2f} times the smallest."


def _amount(case: Case) -> int:
    return case.amount


def _peak(measurement: Measurement) -> float:
    return measurement.memory_peak


def _size(measurement: Measurement) -> float:
    return measurement.extra.get("file_bytes", 0)


def _median(case: Case, key: str, results: Results, pick: Pick) -> float | None:
    outcome = results.get((case.name, key))
    return median(outcome, pick) if outcome else None
