"""What is written: two tables of ten columns, each row a pure function of its index."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID
from zlib import crc32

Row = tuple[Any, ...]

DISTINCT = 1000
"""Row 1,000 is row 0 again, so that a generator has next to nothing to do."""


class Kind(StrEnum):
    """What a column holds, and its type in Postgres."""

    INTEGER = "integer"
    FLOAT = "double precision"
    DECIMAL = "numeric"
    TEXT = "text"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "timestamp"
    INSTANT = "timestamptz"
    UUID = "uuid"
    # Text, integers and floats, as they come.
    MIXED = "jsonb"


@dataclass(frozen=True)
class Field:
    """One column.

    Attributes:
        format: Excel's number format.
        width: in characters.
    """

    title: str
    kind: Kind
    width: float
    format: str | None = None


@dataclass(frozen=True)
class Table:
    """Columns, and the row of an index."""

    fields: Sequence[Field]
    make: Callable[[int], Row]

    def row(self, index: int) -> Row:
        """The row of this index, from 0."""
        return self.make(index % DISTINCT)


INTEGER, DECIMALS, PRECISE = "#,##0", "#,##0.00", "0.0000"
DAY, MOMENT = "yyyy-mm-dd", "yyyy-mm-dd hh:mm:ss"
FIRST_DAY = date(2015, 1, 1)
WORDS = ["invoice", "parcel", "delivery", "receipt", "customer", "supplier", "monthly", "express"]
CITIES = ["Zürich", "São Paulo", "Kraków", "東京", "Αθήνα", "Malmö", "Москва", "İstanbul", "한국"]


def _draw(index: int, salt: str, count: int) -> int:
    """A number from 0 to below `count` that looks like chance and is always the same."""
    return crc32(f"{salt} {index}".encode()) % count


def _words(index: int, salt: str, count: int) -> str:
    return " ".join(WORDS[_draw(index, f"{salt}{each}", len(WORDS))] for each in range(count))


def _day(index: int, salt: str) -> date:
    return FIRST_DAY + timedelta(days=_draw(index, salt, 4000))


def _moment(index: int, salt: str) -> datetime:
    begin = datetime(2015, 1, 1)  # noqa: DTZ001  Excel knows no time zones
    return begin + timedelta(seconds=_draw(index, salt, 340_000_000))


def _clean(index: int) -> Row:
    return (
        100_000 + index,
        _draw(index, "price", 10_000_000) / 100,
        f"C-{_draw(index, 'code', 100_000):05}",
        _words(index, "text", 7),
        _draw(index, "flag", 2) == 1,
        _day(index, "day"),
        _moment(index, "moment"),
        _draw(index, "quantity", 5_000) - 1_000,
        _draw(index, "weight", 10_000_000) / 997,
        f"{CITIES[_draw(index, 'city', len(CITIES))]} {_draw(index, 'part', 100)}",
    )


def _dirty(index: int) -> Row:
    mixed = (index, f"{index:04}", _draw(index, "mixed", 100_000) / 8)
    return (
        Decimal(_draw(index, "amount", 100_000_000) - 20_000_000) / 100,
        _some(index, "quantity", 10, _draw(index, "count", 1_000_000)),
        f"{_words(index, 'first', 3)}\n{_words(index, 'second', 2)}",
        f"  {_words(index, 'label', 2)} <{_words(index, 'tag', 1)}> & co.",
        mixed[_draw(index, "which", 3)],
        _some(index, "seen", 3, _moment(index, "moment")),
        _some(index, "share", 5, _draw(index, "ratio", 1_000_000) / 7),
        "" if _draw(index, "empty", 2) else _words(index, "code", 1),
        UUID(int=(_draw(index, "high", 2**32) << 96) | _draw(index, "low", 2**32)),
        _some(index, "comment", 4, _words(index, "said", 4)),
    )


def _some(index: int, salt: str, one_in: int, value: Any) -> Any:
    """None for one in so many, the value else."""
    return value if _draw(index, f"no {salt}", one_in) else None


TABLES = {
    "clean": Table(
        (
            Field("Number", Kind.INTEGER, 10, INTEGER),
            Field("Price", Kind.FLOAT, 12, DECIMALS),
            Field("Code", Kind.TEXT, 10),
            Field("Description", Kind.TEXT, 50),
            Field("Active", Kind.BOOLEAN, 8),
            Field("Ordered", Kind.DATE, 12, DAY),
            Field("Changed", Kind.DATETIME, 20, MOMENT),
            Field("Quantity", Kind.INTEGER, 11, INTEGER),
            Field("Weight", Kind.FLOAT, 13, PRECISE),
            Field("City", Kind.TEXT, 16),
        ),
        _clean,
    ),
    "dirty": Table(
        (
            Field("Amount", Kind.DECIMAL, 14, DECIMALS),
            Field("Quantity", Kind.INTEGER, 11, INTEGER),
            Field("Address", Kind.TEXT, 30),
            Field("Label", Kind.TEXT, 30),
            Field("Mixed", Kind.MIXED, 12),
            Field("Seen", Kind.INSTANT, 20, MOMENT),
            Field("Share", Kind.FLOAT, 13, PRECISE),
            Field("Short", Kind.TEXT, 12),
            Field("Key", Kind.UUID, 38),
            Field("Comment", Kind.TEXT, 36),
        ),
        _dirty,
    ),
}
