"""`python -m benchmarks.comparison`: compare with what others use. `make bench` calls it.

    make bench ONLY=workbook                        # a report on the terminal, files in var/benchmarks
    make bench ONLY=workbook WRITE=1                # into the documentation, too
    .venv/bin/python -m benchmarks.comparison --only workbook --help

Exit status: 0 if all is well, 1 if a contender failed or made something wrong, 2 for options that cannot
be or something that is missing, 130 after Ctrl-C.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.comparison import chart, figures, machine, page, report
from benchmarks.comparison.model import Benchmark, Contender, Results, Suite, Unusable
from benchmarks.comparison.options import one_or_more_of, parse
from benchmarks.comparison.running import Plan, run

FAULTY, UNUSABLE, INTERRUPTED = 1, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; returns the exit status."""
    status = 0
    try:
        for name, options, suite in parse(arguments):
            status |= compare(name, options, suite)
    except Unusable as problem:
        print(problem, file=sys.stderr)
        return UNUSABLE
    return status


def compare(name: str, options: argparse.Namespace, suite: Suite) -> int:
    """Run one suite and report.

    Raises:
        Unusable: before anything is measured.
    """
    if options.write:
        page.require_marks(options.page, name)
    options.output.mkdir(parents=True, exist_ok=True)
    plan = Plan(options.rounds, options.slow_rounds, options.slow_seconds, options.timeout)
    about = machine.about() | {"rounds": plan.rounds, "slow_rounds": plan.slow_rounds}
    with tempfile.TemporaryDirectory(prefix="ringback-bench-") as path:
        folder = Path(path)
        with suite.prepare(options, folder) as prepared:
            benchmark = choose(prepared, options.contenders)
            require_installed(benchmark.contenders)
            results = run(
                benchmark,
                plan,
                folder,
                lambda line: print(line, flush=True),
                # What there is survives whatever ends a run of an hour.
                lambda found: _write_json(benchmark, found, about, options.output, name),
            )
    return _report(name, options, benchmark, results, about)


def choose(benchmark: Benchmark, wanted: str | None) -> Benchmark:
    """The benchmark with some contenders only.

    Raises:
        Unusable: a name that there is not.
    """
    if wanted is None:
        return benchmark
    try:
        names = one_or_more_of([each.key for each in benchmark.contenders])(wanted)
    except argparse.ArgumentTypeError as error:
        raise Unusable(f"--contenders: {error}") from error
    return replace(
        benchmark, contenders=[each for each in benchmark.contenders if each.key in names]
    )


def require_installed(contenders: Sequence[Contender]) -> None:
    """Check that all contenders are there.

    Raises:
        Unusable: some are not; the message says how to install them.
    """
    missing = [f"{each.title} is missing. {each.missing}" for each in contenders if each.missing]
    if missing:
        raise Unusable("\n".join(missing))


def _report(
    name: str,
    options: argparse.Namespace,
    benchmark: Benchmark,
    results: Results,
    about: dict[str, Any],
) -> int:
    print("\n" + report.markdown(benchmark, results, about))
    folder = options.images if options.write else options.output
    picture = folder / f"benchmark-{name}.png"
    chart.draw(benchmark, results, picture)
    figures_file = _write_json(benchmark, results, about, folder, name)
    print(f"Written: {picture}, {figures_file}")
    if options.write:
        address = Path(os.path.relpath(picture, options.page.parent)).as_posix()
        page.replace(
            options.page, name, report.markdown(benchmark, results, about, picture=address)
        )
        print(f"Written: {options.page}")
    found = figures.faults(benchmark, results)
    for fault in found:
        print(f"FAULT: {fault}", file=sys.stderr)
    return FAULTY if found else 0


def _write_json(
    benchmark: Benchmark, results: Results, about: dict[str, Any], folder: Path, name: str
) -> Path:
    path = folder / f"benchmark-{name}.json"
    text = json.dumps(figures.raw(benchmark, results, about), indent=1)
    path.write_text(text + "\n", encoding="utf-8")
    return path


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
