"""What is compared: suites, cases, contenders, measurements."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


class Fault(Exception):
    """A contender failed, or what it made is wrong; the message says how."""


class Unusable(Exception):
    """Nothing can be measured; the message says what to do about it."""


@dataclass(frozen=True)
class Case:
    """One piece of work that every contender does.

    Attributes:
        panel: what several cases have in common, such as "clean rows".
        label: what tells them apart, such as "10,000 rows".
        amount: how many units of work it is.
        values: what the suite has to know of it.
    """

    panel: str
    label: str
    amount: int
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Unique in its suite."""
        return f"{self.panel}, {self.label}"


@dataclass(frozen=True)
class Invocation:
    """A process to start.

    Attributes:
        arguments: its command line.
        environment: variables on top of ours.
    """

    arguments: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Measurement:
    """What one process measured of its work proper: no start, no imports, no preparation.

    Attributes:
        seconds: by the clock.
        cpu_seconds: of all its threads and children.
        memory_before: resident bytes when the work began.
        memory_peak: the most resident bytes, ever.
        extra: whatever else the suite reports, such as the size of a file.
    """

    seconds: float
    cpu_seconds: float
    memory_before: int
    memory_peak: int
    extra: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Contender:
    """One way to do the work.

    Attributes:
        key: its name on the command line.
        title: its name in the report.
        version: of what does the work.
        invoke: the process that does a case, with an empty folder for what it makes.
        differences: in which it does other work than ours, as sentences.
        is_floor: does only a part of the work, for orientation: it is not compared.
        missing: how to install it, if it is not there.
    """

    key: str
    title: str
    version: str
    invoke: Callable[[Case, Path], Invocation]
    differences: Sequence[str] = ()
    is_floor: bool = False
    missing: str | None = None


@dataclass
class Outcome:
    """What came of one contender in one case.

    Attributes:
        measurements: one a round.
        fault: why there are no figures.
    """

    measurements: list[Measurement] = field(default_factory=list)
    fault: str | None = None


Results = dict[tuple[str, str], Outcome]
"""By the name of the case and the key of the contender."""


@dataclass(frozen=True)
class Quantity:
    """A figure that only this suite has: a column of the report.

    Attributes:
        key: its name in `Measurement.extra`.
        title: the column's title.
        scale: what it is divided by.
        digits: after the decimal point.
        compared: whether a second column tells it as a multiple of the least one.
    """

    key: str
    title: str
    scale: float = 1.0
    digits: int = 1
    compared: bool = False


@dataclass(frozen=True)
class Benchmark:
    """A suite that is ready to be measured.

    Attributes:
        title: of the report and the picture.
        unit: of work, plural: "rows".
        ours: the key of the contender whom the others are compared with.
        cases: in the order of the report.
        contenders: in the order of the report.
        check: looks at what a contender made in its folder; raises `Fault`.
        quantities: more columns.
        notes: paragraphs about what is measured.
        findings: sentences that follow from the results.
    """

    title: str
    unit: str
    ours: str
    cases: Sequence[Case]
    contenders: Sequence[Contender]
    check: Callable[[Case, Contender, Measurement, Path], None]
    quantities: Sequence[Quantity] = ()
    notes: Sequence[str] = ()
    findings: Callable[[Results], Sequence[str]] = lambda _: ()


class Suite(Protocol):
    """What can be named after `--only`."""

    def add_options(self, parser: ArgumentParser) -> None:
        """Add what can be chosen; the defaults must do."""
        ...

    def prepare(self, options: Namespace, folder: Path) -> AbstractContextManager[Benchmark]:
        """Make ready what the contenders need, in a folder that is deleted in the end.

        Raises:
            Unusable: something is missing.
        """
        ...
