"""Tables of chance: columns of random types, random values, and what has to arrive of each."""

import math
import string
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import cycle, islice

from hypothesis import strategies as some

GONE = "\ufffd"
MOST = 32_767
EXACT = 10**15
FIRST_RIGHT_DAY = date(1900, 3, 1)

ANY_TEXT = some.text(
    some.characters() | some.sampled_from("=+-@_x0041\r\n\t \ud800\x00\x1f\ufffe&<>\"'😀ش"),
    max_size=40,
)
ORDINARY_TEXT = some.text(string.printable, max_size=20) | some.text(
    string.ascii_letters + "éß日 ", min_size=1, max_size=20
)

KINDS: dict[str, some.SearchStrategy[object]] = {
    "text": ANY_TEXT,
    "ordinary text": ORDINARY_TEXT,
    "integers": some.integers(1 - EXACT, EXACT - 1),
    "large integers": some.integers(),
    "floats": some.floats(-1e300, 1e300),
    "any floats": some.floats(),
    "decimals": some.decimals(-EXACT, EXACT, places=2),
    "any decimals": some.decimals(),
    "booleans": some.booleans(),
    "dates": some.dates(),
    "moments": some.datetimes(min_value=datetime(1900, 1, 1)),  # noqa: DTZ001
    "any moments": some.datetimes(),
    "aware moments": some.datetimes(timezones=some.timezones() | some.just(UTC)),
    "times": some.integers(0, 86_399_999).map(
        lambda n: (datetime.min + timedelta(milliseconds=n)).time()  # noqa: DTZ901
    ),
    "spans": some.timedeltas(timedelta(days=-99_999), timedelta(days=99_999)),
    "uuids": some.uuids(),
    "bytes": some.binary(max_size=20),
    "lists": some.lists(some.integers() | some.booleans() | some.none(), max_size=4),
    "nothing": some.none(),
}


@dataclass(frozen=True)
class Table:
    """Rows and how they arrive.

    Attributes:
        rows: what is written; the drawn ones over and over.
        max_rows: of one sheet.
    """

    rows: Sequence[tuple[object, ...]]
    max_rows: int

    @property
    def arrives(self) -> list[list[object]]:
        return [[arrival(value) for value in row] for row in self.rows]

    @property
    def width(self) -> int:
        return len(self.rows[0])


def a_column() -> some.SearchStrategy[some.SearchStrategy[object]]:
    """Values for a column: all of one kind, some of them missing, or of any kinds."""
    one = some.sampled_from(list(KINDS.values()))
    return one | one.map(lambda kind: kind | some.none()) | some.just(some.one_of(*KINDS.values()))


@some.composite
def tables(draw: some.DrawFn, counts: Sequence[int] = (3, 5, 40, 611, 1100)) -> Table:
    """A table.

    Args:
        counts: of rows; some of them are more than the writer takes at once.
    """
    columns = draw(some.lists(a_column(), min_size=1, max_size=6))
    drawn = draw(some.lists(some.tuples(*columns), min_size=1, max_size=5))
    count = draw(some.sampled_from([len(drawn), *counts]))
    max_rows = draw(some.sampled_from([1_048_576, max(count // 2, 3)]))
    return Table(list(islice(cycle(drawn), count)), max_rows)


def arrival(value: object) -> object:
    """What the documentation promises of a value; dates as their midnight."""
    if isinstance(value, str):
        return mended(value) or None
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    if isinstance(value, list):
        words = {None: "null", True: "true", False: "false"}
        texts = (words[each] if each is None or type(each) is bool else str(each) for each in value)
        return f"[{', '.join(texts)}]"
    if isinstance(value, float | Decimal | int) and not isinstance(value, bool):
        return arrival_of_number(value)
    if isinstance(value, date):
        return arrival_of_date(value)
    return value if isinstance(value, bool | time | timedelta | None) else str(value)


def arrival_of_number(value: float | Decimal) -> object:
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Decimal) and not value.is_finite():
        return str(value)
    return float(value) if -EXACT < value < EXACT else str(value)


def arrival_of_date(value: date) -> object:
    if not isinstance(value, datetime):
        early = value < FIRST_RIGHT_DAY
        return value.isoformat() if early else datetime.combine(value, time.min)
    if value.tzinfo is not None:
        try:
            value = value.astimezone(UTC).replace(tzinfo=None)
        except OverflowError:
            return value.isoformat(" ")
    return value.isoformat(" ") if value.date() < FIRST_RIGHT_DAY else value


def mended(text: str) -> str:
    """What the documentation promises of a text that is not too long."""
    return "".join(each if is_character(each) else GONE for each in text)


def is_character(each: str) -> bool:
    return not ("\ud800" <= each <= "\udfff" or each in "\ufffe\uffff")
