"""A tiny benchmark whose contenders say what they took."""

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.comparison.model import (
    Benchmark,
    Case,
    Contender,
    Invocation,
    Measurement,
    Outcome,
    Results,
)

MARKS = "# Ours\n\n<!-- bench:tiny -->\nold\n<!-- /bench:tiny -->\n\nThe end.\n"
CASES = [Case("clean", "10 rows", 10), Case("clean", "20 rows", 20)]


def measured(seconds: float, **extra: float) -> Measurement:
    return Measurement(seconds, seconds * 2, 10_000_000, 30_000_000, extra)


def saying(text: str, status: int = 0, noise: str = "") -> Callable[[Case, Path], Invocation]:
    """A process that prints something and ends."""
    code = f"import sys; sys.stderr.write({noise!r}); print({text!r}); sys.exit({status})"
    return lambda case, folder: Invocation([sys.executable, "-I", "-S", "-c", code])


def taking(seconds: float) -> Callable[[Case, Path], Invocation]:
    """A process that says that it has taken so long."""
    return saying(json.dumps(vars(measured(seconds, size=seconds * 100))))


def contender(key: str, seconds: float = 1.0, **more: Any) -> Contender:
    return Contender(key, key.title(), "1.0", **{"invoke": taking(seconds), **more})


def benchmark(*given: Contender, **more: Any) -> Benchmark:
    rest: dict[str, Any] = {"cases": CASES, "check": lambda *_: None, **more}
    return Benchmark("Tiny", "rows", "ours", contenders=given, **rest)


def outcomes(ours: list[float], other: list[float], fault: str | None = None) -> Results:
    return {
        (case.name, key): Outcome([measured(each, size=each) for each in seconds], told)
        for case in CASES
        for key, seconds, told in [("ours", ours, None), ("other", other, fault)]
    }


class TinySuite:
    """A suite for tests."""

    def __init__(self, prepared: Benchmark) -> None:
        self.prepared = prepared

    def add_options(self, parser: ArgumentParser) -> None:
        parser.add_argument("--size", type=int, default=1)

    @contextmanager
    def prepare(self, given: Namespace, folder: Path) -> Iterator[Benchmark]:
        yield self.prepared
