"""Calculations over a list of numbers, exact however long the list and its numbers are.

Whole numbers are Python's, of any size; a number with a fraction is the decimal that was written, not
the binary fraction nearest to it, so that 0.1 and 0.2 make 0.3. A result is rounded once, at its end,
where JSON can hold no more. A new operation is one function and its line in `OPERATIONS`.
"""

import math
import statistics
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, localcontext
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from app.errors import JobFailed
from app.job_types.base import JobContext, JobType, Json, Parameters
from app.job_types.json_values import MAX_DIGITS
from app.workbooks.book import Workbook
from app.workbooks.sheet import MEDIA_TYPE, Column, Sheet

MAX_NUMBERS = 500_000
"""As many fit into the largest request that is accepted unless a setting permits larger ones."""

EXACT_IN_JSON = 1 << 53
"""Whole numbers from here on are texts in the result: many readers of JSON know only doubles."""

REPORT_EVERY = 2000
"""Numbers between two progress calls, so how soon a cancel is noticed."""

_TOO_LARGE = 10**MAX_DIGITS
# More digits than the sum of all the largest and the smallest numbers has, so sums are exact.
_EXACT = Context(prec=5000, Emax=MAX_EMAX, Emin=MIN_EMIN)

Number = int | Decimal
Numbers = Collection[Any]
"""Of `Number`; the types of `statistics` know no mixture."""


class _TooLarge(ArithmeticError):
    """A result, or a step on the way to it, passed `MAX_DIGITS`."""


def _mul(numbers: Numbers) -> Number:
    if 0 in numbers:
        return 0
    whole = all(isinstance(each, int) for each in numbers)
    product: Number = 1 if whole else Decimal(1)
    for each in numbers:
        product *= each
        if whole and abs(product) >= _TOO_LARGE:
            raise _TooLarge
    return product


def _mean(numbers: Numbers) -> Any:
    return statistics.mean(numbers)


def _median(numbers: Numbers) -> Any:
    inner = sorted(numbers)[(len(numbers) - 1) // 2 : len(numbers) // 2 + 1]
    return _mean(inner)


def _stdev(numbers: Numbers) -> Any:
    return statistics.stdev(numbers)


def _pstdev(numbers: Numbers) -> Any:
    return statistics.pstdev(numbers)


def _range(numbers: Numbers) -> Any:
    return max(numbers) - min(numbers)


@dataclass(frozen=True)
class Operation:
    """What can be calculated.

    Attributes:
        calculate: a pure function, to an int, a Decimal or a float; it may read the numbers again.
        least: how many numbers it needs.
    """

    calculate: Callable[[Numbers], Any]
    least: int = 1


OPERATIONS = {
    "count": Operation(len),
    "sum": Operation(sum),
    "mul": Operation(_mul),
    "min": Operation(min),
    "max": Operation(max),
    "range": Operation(_range),
    "mean": Operation(_mean),
    "median": Operation(_median),
    "stdev": Operation(_stdev, least=2),
    "pstdev": Operation(_pstdev),
}


def _is_number(value: object) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not _is_finite(value):
        raise ValueError("Input should be a finite number")
    return value


def _is_finite(value: float) -> bool:
    return isinstance(value, int) or math.isfinite(value)


def _is_known(name: str) -> str:
    if name not in OPERATIONS:
        raise ValueError(f"There is no such operation; known are: {', '.join(OPERATIONS)}")
    return name


# Neither a union, of whose mistakes each has two messages, nor a model of one: half a million numbers
# are checked while a client waits.
AnyNumber = Annotated[Any, AfterValidator(_is_number), WithJsonSchema({"type": "number"})]
OperationName = Annotated[
    str, AfterValidator(_is_known), WithJsonSchema({"type": "string", "enum": list(OPERATIONS)})
]


class NumberCrunchParameters(Parameters):
    """The numbers, and what to calculate."""

    numbers: list[AnyNumber] = Field(
        min_length=1,
        max_length=MAX_NUMBERS,
        description="1 to 500,000 numbers; whole ones may have 4,000 digits.",
    )
    operations: list[OperationName] = Field(
        min_length=1,
        max_length=len(OPERATIONS),
        description="Names of operations, each once.",
    )

    @field_validator("operations")
    @classmethod
    def _fit(cls, operations: list[str], info: ValidationInfo) -> list[str]:
        if len(set(operations)) < len(operations):
            raise ValueError("Names an operation twice")
        for name in operations:
            least = OPERATIONS[name].least
            if len(info.data.get("numbers", range(least))) < least:
                raise ValueError(f"{name} needs at least {least} numbers")
        return operations


class _Watched(Collection[Number]):
    """Numbers that tell, while they are read, that they are: so any operation can be cancelled."""

    def __init__(self, numbers: Sequence[Number], tell: Callable[[int], None]) -> None:
        self._numbers, self._tell = numbers, tell

    def __len__(self) -> int:
        return len(self._numbers)

    def __contains__(self, value: object) -> bool:
        return value in self._numbers

    def __iter__(self) -> Iterator[Number]:
        for index, each in enumerate(self._numbers):
            if index % REPORT_EVERY == 0:
                self._tell(index)
            yield each


class NumberCrunch(JobType[NumberCrunchParameters]):
    """Calculates, and writes a workbook with the numbers and the results."""

    name = "number_crunch"
    title = "Number crunch"
    parameters = NumberCrunchParameters
    example = {"numbers": [2, 3, 5, 7.5], "operations": ["sum", "mul", "mean", "stdev"]}

    def run(self, context: JobContext, parameters: NumberCrunchParameters) -> dict[str, Json]:
        """See `JobType.run`."""
        numbers = [_exactly(each) for each in parameters.numbers]
        results: dict[str, Json] = {}
        for index, name in enumerate(parameters.operations):
            done = index / len(parameters.operations)

            def tell(read: int, name: str = name, done: float = done) -> None:
                context.progress(done / 2, f"{name}: {read:,} of {len(numbers):,} numbers")

            tell(0)
            results[name] = _calculate(name, _Watched(numbers, tell))
        _write(context, numbers, results)
        return results


def _exactly(value: float) -> Number:
    """The number as it was written; `repr` gives the shortest decimal that reads as this double.

    What is whole goes by its value: Postgres gives back `1e22` without its exponent, and `5.0` as it is.
    """
    if isinstance(value, int):
        return value
    written = Decimal(repr(value))
    return int(written) if value.is_integer() else written


def _calculate(name: str, numbers: Numbers) -> Json:
    """The result of one operation, as JSON.

    Raises:
        JobFailed: `result_too_large`.
    """
    try:
        with localcontext(_EXACT):
            return _as_json(OPERATIONS[name].calculate(numbers))
    except (OverflowError, _TooLarge) as error:
        raise JobFailed(
            f"The result of {name} is too large: a whole number may have {MAX_DIGITS:,} digits, any "
            "other reaches to 1.8e308. Leave this operation out, or give fewer or smaller numbers.",
            code="result_too_large",
        ) from error


def _as_json(value: Number | float) -> Json:
    if isinstance(value, int):
        if abs(value) >= _TOO_LARGE:
            raise _TooLarge
        return value if abs(value) < EXACT_IN_JSON else str(value)
    result = float(value)
    if math.isinf(result):
        raise _TooLarge
    return result


def _write(context: JobContext, numbers: Sequence[Number], results: dict[str, Json]) -> None:
    def report(written: int) -> None:
        context.progress(0.5 + written / len(numbers) / 2, f"{written:,} of {len(numbers):,} rows")

    with (
        context.artifact("number_crunch.xlsx", MEDIA_TYPE) as file,
        Workbook(file, title=NumberCrunch.title, creator="Ringback") as workbook,
    ):
        workbook.write(_sheet("Results", "Operation"), results.items())
        workbook.write(_sheet("Numbers", "Position"), _numbered(numbers), report)


def _sheet(title: str, key: str) -> Sheet:
    return Sheet(title, [Column(key, 14), Column("Value", 40)])


def _numbered(numbers: Iterable[Number]) -> Iterator[tuple[Any, ...]]:
    return iter(enumerate(numbers, 1))
