"""The figures of a run: counts, latencies, errors, findings; and as tables."""

import math
import statistics
from collections import Counter
from collections.abc import Iterable
from typing import Any

from rich import box
from rich.console import Group
from rich.table import Table

from benchmarks.simulation.ledger import FINAL, Ledger, Record

STATES = (*FINAL, "open")
# Name in the figures -> heading.
STAGES = {
    "submit": "submit answer",
    "end": "accept → end",
    "ring": "written → ring",
    "download": "download",
}
Series = dict[str, list[float]]


def series(ledger: Ledger) -> dict[str, Series]:
    """The latencies in seconds: of each kind, of each stage."""
    return {kind: _series(jobs, ledger) for kind, jobs in ledger.by_kind().items()}


def _series(jobs: list[tuple[str, Record]], ledger: Ledger) -> Series:
    return {
        "submit": [record.submit for _, record in jobs],
        "end": [record.end for _, record in jobs if record.end is not None],
        "ring": [seconds for job_id, _ in jobs for seconds in ledger.rings.get(job_id, [])],
        "download": [record.download for _, record in jobs if record.download is not None],
    }


def figures(ledger: Ledger) -> dict[str, Any]:
    """Everything, as JSON values."""
    found = series(ledger)
    kinds = {
        kind: {
            "accepted": len(jobs),
            **_states(jobs),
            "rings": sum(len(ledger.rings.get(job_id, [])) for job_id, _ in jobs),
            "seconds": {stage: summary(found[kind][stage]) for stage in STAGES},
        }
        for kind, jobs in ledger.by_kind().items()
    }
    errors = {f"{step}: {code}": count for (step, code), count in sorted(ledger.errors.items())}
    return {"kinds": kinds, "errors": errors, "findings": [*ledger.findings]}


def _states(jobs: list[tuple[str, Record]]) -> dict[str, int]:
    counts = Counter(record.state for _, record in jobs)
    return {state: counts[state] for state in STATES}


def summary(values: Iterable[float]) -> dict[str, float] | None:
    """Median, 95th percentile (nearest rank) and maximum; None of nothing."""
    ordered = sorted(values)
    if not ordered:
        return None
    p95 = ordered[math.ceil(len(ordered) * 0.95) - 1]
    return {"median": statistics.median(ordered), "p95": p95, "max": ordered[-1]}


def tables(found: dict[str, Any]) -> Group:
    """What `figures` gave, for people."""
    parts = [_counts(found["kinds"]), _latencies(found["kinds"])]
    if found["errors"]:
        parts.append(_rows("Errors by code", ("step: code", "times"), found["errors"].items()))
    return Group(*parts)


def _counts(kinds: dict[str, Any]) -> Table:
    names = ("accepted", *STATES, "rings")
    rows = [(kind, *(each[name] for name in names)) for kind, each in kinds.items()]
    totals = [sum(each[name] for each in kinds.values()) for name in names]
    return _rows("Jobs", ("kind", *names), [*rows, ("all", *totals)])


def _latencies(kinds: dict[str, Any]) -> Table:
    rows = [
        (kind, *(_cell(each["seconds"][stage]) for stage in STAGES)) for kind, each in kinds.items()
    ]
    title = "Latencies in seconds: median / p95 / max"
    return _rows(title, ("kind", *STAGES.values()), rows)


def _cell(values: dict[str, float] | None) -> str:
    if values is None:
        return "-"
    return " / ".join(_seconds(values[name]) for name in ("median", "p95", "max"))


def _seconds(value: float) -> str:
    """Three digits or so: 0.012, 1.25, 61.3."""
    return f"{value:.3f}" if value < 1 else f"{value:.3g}"


def _rows(title: str, head: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for position, name in enumerate(head):
        table.add_column(name, justify="right" if position else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    return table
