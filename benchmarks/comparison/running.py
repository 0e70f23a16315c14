"""Measures all contenders in all cases, round after round."""

import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.comparison.model import (
    Benchmark,
    Case,
    Contender,
    Fault,
    Invocation,
    Measurement,
    Outcome,
    Results,
)

ROOT = Path(__file__).resolve().parents[2]
LAST_LINES = 3


@dataclass(frozen=True)
class Plan:
    """How often, and how long.

    Attributes:
        rounds: how often each contender does each case.
        slow_rounds: how often those do that are slow.
        slow_seconds: who takes longer than this in the first round is slow.
        timeout: who takes longer than this, with its start, has failed.
    """

    rounds: int
    slow_rounds: int
    slow_seconds: float
    timeout: float


Say = Callable[[str], None]


def run(
    benchmark: Benchmark,
    plan: Plan,
    folder: Path,
    say: Say,
    after_round: Callable[[Results], object] = lambda _: None,
) -> Results:
    """Measure.

    Args:
        folder: where contenders make their files, one after the other.
        say: is told of each measurement.
        after_round: is shown what there is.
    """
    results: Results = {
        (case.name, contender.key): Outcome()
        for case in benchmark.cases
        for contender in benchmark.contenders
    }
    for number in range(plan.rounds):
        for case, contender in order(benchmark.cases, benchmark.contenders, number):
            outcome = results[case.name, contender.key]
            if not is_due(outcome, plan):
                continue
            told = _add(outcome, benchmark, case, contender, plan.timeout, folder)
            say(f"{number + 1}/{plan.rounds}  {case.name:<44} {contender.title:<22} {told}")
        after_round(results)
    return results


def order(
    cases: Sequence[Case], contenders: Sequence[Contender], number: int
) -> Iterator[tuple[Case, Contender]]:
    """One round, from 0: every case by all contenders, of whom each round another one begins.

    So a machine that is busy for a while, or warm, troubles all of them alike.
    """
    for case in cases:
        first = number % len(contenders)
        for contender in [*contenders[first:], *contenders[:first]]:
            yield case, contender


def is_due(outcome: Outcome, plan: Plan) -> bool:
    """Whether one more measurement is wanted."""
    done = outcome.measurements
    if outcome.fault is not None:
        return False
    is_slow = bool(done) and done[0].seconds > plan.slow_seconds
    return len(done) < (min(plan.slow_rounds, plan.rounds) if is_slow else plan.rounds)


def _add(
    outcome: Outcome,
    benchmark: Benchmark,
    case: Case,
    contender: Contender,
    timeout: float,
    folder: Path,
) -> str:
    """Measure once more; what to say of it comes back."""
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix=f"{contender.key}-") as made:
            invocation = contender.invoke(case, Path(made))
            measurement = measure(invocation, timeout)
            benchmark.check(case, contender, measurement, Path(made))
    except Fault as fault:
        outcome.fault = str(fault)
        return f"FAULT: {fault}"
    outcome.measurements.append(measurement)
    speed = case.amount / max(measurement.seconds, 1e-9)
    return f"{measurement.seconds:9.3f} s  {speed:11,.0f} {benchmark.unit}/s"


def measure(invocation: Invocation, timeout: float) -> Measurement:
    """Run a process to its end.

    Raises:
        Fault: it failed, or took too long, or did not say what it measured.
    """
    try:
        done = subprocess.run(
            [*invocation.arguments],
            cwd=ROOT,
            env={**os.environ, **invocation.environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise Fault(f"took more than {timeout:g} s") from error
    except OSError as error:
        raise Fault(f"could not be started: {error.strerror}") from error
    if done.returncode:
        words = " / ".join(done.stderr.strip().splitlines()[-LAST_LINES:])
        raise Fault(f"ended with status {done.returncode}: {words}")
    return read(done.stdout)


def read(output: str) -> Measurement:
    """The measurement in the last line that a process printed.

    Raises:
        Fault: there is none.
    """
    try:
        line: dict[str, Any] = json.loads(output.strip().splitlines()[-1])
        return Measurement(**line)
    except (IndexError, ValueError, TypeError) as error:
        raise Fault(f"did not say what it measured, but: {output[-200:]!r}") from error
