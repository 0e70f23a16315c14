"""The command line: what all suites have, and what the chosen ones add."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.comparison.model import Suite
from benchmarks.comparison.running import ROOT
from benchmarks.comparison.suites import SUITES, load

PAGE = ROOT / "docs" / "performance.md"
IMAGES = ROOT / "docs" / "images"
OUTPUT = ROOT / "var" / "benchmarks"


def parse(arguments: Sequence[str] | None) -> list[tuple[str, argparse.Namespace, Suite]]:
    """Each suite that is chosen, with its options; ends the process with 2 if they cannot be."""
    common = _common()
    known, rest = common.parse_known_args(arguments)
    names = known.only or [*SUITES]
    if len(names) > 1 and rest:
        common.error(f"{rest[0]} is no option of all suites: choose one with --only")
    chosen = []
    for name in names:
        suite = load(name)
        parser = argparse.ArgumentParser(
            prog=f"python -m benchmarks.comparison --only {name}",
            parents=[common],
            description=str(suite.__doc__).splitlines()[0],
        )
        suite.add_options(parser)
        chosen.append((name, parser.parse_args(arguments), suite))
    return chosen


def _common() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.comparison", add_help=False)
    suites = one_or_more_of([*SUITES])
    parser.add_argument("--only", type=suites, help=f"of {', '.join(SUITES)} (all)")
    parser.add_argument("--rounds", type=positive(int), default=3, help="how often (3)")
    parser.add_argument(
        "--slow-rounds", type=positive(int), default=1, help="how often, for those who are slow (1)"
    )
    parser.add_argument(
        "--slow-seconds",
        type=positive(float),
        default=20,
        help="who takes longer in the first round is slow (20)",
    )
    parser.add_argument(
        "--timeout", type=positive(float), default=1200, help="seconds of one measurement (1200)"
    )
    parser.add_argument("--contenders", help="only those, by their names (all)")
    parser.add_argument(
        "--write",
        action="store_true",
        help="put report, picture and figures into the documentation",
    )
    parser.add_argument("--page", type=Path, default=PAGE, help=argparse.SUPPRESS)
    parser.add_argument("--images", type=Path, default=IMAGES, help=argparse.SUPPRESS)
    parser.add_argument("--output", type=Path, default=OUTPUT, help="folder (var/benchmarks)")
    return parser


def positive(kind: type[int] | type[float]) -> Callable[[str], Any]:
    """A type of an option: a number above 0."""

    def check(text: str) -> float:
        value = kind(text)
        if not value > 0:
            raise argparse.ArgumentTypeError(f"{text} is not above 0")
        return value

    check.__name__ = "number"
    return check


def one_or_more_of(choices: Sequence[str]) -> Callable[[str], list[str]]:
    """A type of an option: names with commas between them."""

    def check(text: str) -> list[str]:
        names = [each.strip() for each in text.split(",")]
        for name in names:
            if name not in choices:
                raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(choices)}")
        return names

    return check
