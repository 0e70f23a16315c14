"""The report, as Markdown."""

from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks.comparison import machine
from benchmarks.comparison.figures import faults, growth, least, median, ratio, ratios
from benchmarks.comparison.model import Benchmark, Case, Contender, Measurement, Quantity, Results

MEGABYTE = 1e6
FAULTY = "fault"
UNKNOWN = "–"


def markdown(
    benchmark: Benchmark, results: Results, about: dict[str, Any], picture: str | None = None
) -> str:
    """The whole report.

    Args:
        about: see `machine`.
        picture: its address, seen from the page.
    """
    return "\n\n".join(_parts(benchmark, results, about, picture)) + "\n"


def _parts(
    benchmark: Benchmark, results: Results, about: dict[str, Any], picture: str | None
) -> Iterator[str]:
    title = {each.key: each.title for each in benchmark.contenders}.get(benchmark.ours, "")
    if found := faults(benchmark, results):
        yield "**Faults:**\n\n" + "\n".join(f"- {each}" for each in found)
    yield f"Times as long as {title}, by the medians of all rounds:"
    yield summary(benchmark, results)
    if found := [*benchmark.findings(results)]:
        yield "\n".join(f"- {each}" for each in found)
    if picture:
        yield f"![{benchmark.title}]({picture})"
    yield from benchmark.notes
    yield machine.sentence(about)
    yield contenders(benchmark)
    for case in benchmark.cases:
        yield f"<details><summary>{case.name}</summary>"
        yield details(benchmark, results, case)
        yield "</details>"


def summary(benchmark: Benchmark, results: Results) -> str:
    """A row a case: by how much the others take longer."""
    compared = [e for e in benchmark.contenders if not e.is_floor and e.key != benchmark.ours]
    rows = []
    for case in benchmark.cases:
        found = ratios(benchmark, results, case)
        cells = [_ratio(found[each.key], results, case, each) for each in compared]
        rows.append([case.name, *cells])
    return table(["", *(each.title for each in compared)], rows)


def details(benchmark: Benchmark, results: Results, case: Case) -> str:
    """A row a contender: all figures of one case, as medians."""
    head = ["", "rounds", "seconds", f"{benchmark.unit}/s", "CPU s", "peak MB", "growth MB"]
    for quantity in benchmark.quantities:
        head += [quantity.title, "÷ least"] if quantity.compared else [quantity.title]
    rows = [_row(benchmark, results, case, each) for each in benchmark.contenders]
    return table(head, rows)


def contenders(benchmark: Benchmark) -> str:
    """Who they are, and in what they differ from ours."""
    rows = [
        [each.title, each.version, " ".join(each.differences) or UNKNOWN]
        for each in benchmark.contenders
    ]
    return table(["", "version", "what it does differently"], rows, align=":--")


def table(head: Sequence[str], rows: Sequence[Sequence[str]], align: str = "--:") -> str:
    """A Markdown table; all columns but the first are aligned to the right unless told."""
    lines = [head, [":--", *[align] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)


def _row(benchmark: Benchmark, results: Results, case: Case, contender: Contender) -> list[str]:
    outcome = results[case.name, contender.key]
    if outcome.fault is not None:
        columns = 6 + sum(1 + quantity.compared for quantity in benchmark.quantities)
        return [contender.title, FAULTY, *[UNKNOWN] * (columns - 1)]
    taken = median(outcome)
    cells = [
        contender.title,
        str(len(outcome.measurements)),
        _number(taken, 3),
        _number(ratio(case.amount, taken), 0),
        _number(median(outcome, lambda each: each.cpu_seconds), 3),
        _number(ratio(median(outcome, lambda each: each.memory_peak), MEGABYTE), 1),
        _number(ratio(median(outcome, growth), MEGABYTE), 1),
    ]
    for quantity in benchmark.quantities:
        cells += _cells(quantity, benchmark, results, case, contender)
    return cells


def _cells(
    quantity: Quantity, benchmark: Benchmark, results: Results, case: Case, contender: Contender
) -> list[str]:
    def pick(measurement: Measurement) -> float:
        return measurement.extra.get(quantity.key, 0)

    values = {e.key: median(results[case.name, e.key], pick) or None for e in benchmark.contenders}
    mine = values[contender.key]
    shown = [_number(ratio(mine, quantity.scale), quantity.digits)]
    if quantity.compared:
        shown.append(_number(ratio(mine, least(values.values())), 2))
    return shown


def _ratio(value: float | None, results: Results, case: Case, contender: Contender) -> str:
    if results[case.name, contender.key].fault is not None:
        return FAULTY
    return _number(value, 1 if value is None or value >= 10 else 2)


def _number(value: float | None, digits: int) -> str:
    return UNKNOWN if value is None else f"{value:,.{digits}f}"
