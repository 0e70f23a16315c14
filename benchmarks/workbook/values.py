"""Columns of one kind each, for measuring what a cell costs."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

_BEGIN = datetime(2015, 1, 1)  # noqa: DTZ001 - Excel knows no time zones

COLUMNS: dict[str, Callable[[int], object]] = {
    "integers": lambda index: 100_000 + index,
    "floats": lambda index: index / 997,
    "decimals": lambda index: Decimal(index * 137).scaleb(-2),
    "booleans": lambda index: index % 3 == 0,
    "dates": lambda index: date(2015, 1, 1) + timedelta(index),
    "dates with time": lambda index: _BEGIN + timedelta(seconds=index * 7919),
    "dates with time, with a zone": lambda index: (
        _BEGIN.replace(tzinfo=UTC) + timedelta(seconds=index)
    ),
    "times": lambda index: time(index % 24, index % 60, index % 59),
    "UUIDs": lambda index: UUID(int=index << 64),
    "text of 20 characters": lambda index: f"customer number {index:04}",
    "text with `&`": lambda index: f"parcel & letter {index:04}",
    "text beyond ASCII": lambda index: f"Zürich, 東京 und {index:04}",
    "text of two lines": lambda index: f"first line\nsecond {index:02}",
    "integers, every 10th missing": lambda index: index if index % 10 else None,
    "text, every 4th missing": lambda index: f"customer number {index:04}" if index % 4 else None,
    "integers, floats and text": lambda index: (index, index / 8, f"{index:04}")[index % 3],
    "text past the fast path: control characters": lambda index: f"customer \x01 number {index:04}",
}
