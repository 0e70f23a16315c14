"""Columns of values as contents of cells, many values at a time: the hot path.

A run is made of values of one exact type. What is asked of every value, such as whether a text holds
control characters, is asked once of all of them together; where the answer is not plain, the run is
refused, and each value takes the complete path through `app.workbooks.values.encode`. Both paths give the
same cells, and a run costs a fraction.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from app.workbooks.cells import escape_bytes
from app.workbooks.foreign import translator_for
from app.workbooks.lengths import SURELY_FITS
from app.workbooks.values import (
    EPOCH,
    EXACT_BELOW,
    FIRST_ORDINAL,
    FIRST_RIGHT_DAY,
    LAST_SERIAL,
    LOOKS_ESCAPED,
    MICROSECONDS_OF_DAY,
    Kind,
    day_fraction,
)

_EPOCH_UTC = EPOCH.replace(tzinfo=UTC)
_FIRST_RIGHT = FIRST_RIGHT_DAY.toordinal() - FIRST_ORDINAL

_SEPARATOR = "\x1f"
_MARK = _SEPARATOR.encode()
_LONGEST_NUMBER = 20
"""Characters, on average, of decimals that are spelt as they are."""
_CONTROLS = bytes({*range(32)} - set(b"\t\n\r"))
_NO_CHARACTERS = ("\ufffe".encode(), "\uffff".encode())


class Run(NamedTuple):
    """The contents of cells of one kind.

    Attributes:
        kind: of all of them.
        joined: the contents as markup, one for each value.
        separator: what stands between them, and in none of them.
        spaced: whether white space counts in some of them.
        has_gaps: whether some are empty, which makes an empty cell.
    """

    kind: Kind
    joined: str
    separator: str = ","
    spaced: bool = False
    has_gaps: bool = False

    def contents(self) -> list[str]:
        """The content of each cell."""
        return self.joined.split(self.separator)


def run_of(kind: type, values: Sequence[Any]) -> Run | None:
    """Contents for values of one exact type, or `None` if some of them need the complete path.

    Args:
        values: one at least.
    """
    if maker := _MAKERS.get(kind):
        return maker(values)
    if kind.__module__ == "numpy" and (translate := translator_for(kind)):
        plain = [translate(value) for value in values]
        first = type(plain[0])
        if first in _MAKERS and all(type(value) is first for value in plain):
            return _MAKERS[first](plain)
    return None


def _texts(values: Sequence[str]) -> Run | None:
    joined = _SEPARATOR.join(values)
    if len(joined) > SURELY_FITS and max(map(len, values)) > SURELY_FITS:
        return None
    if "_x" in joined and LOOKS_ESCAPED.search(joined):
        return None
    try:
        data = joined.encode()
    except UnicodeEncodeError:  # half of a pair
        return None
    if not _is_clean(data, len(values)):
        return None
    spaced, has_gaps = _has_space_that_counts(data), _has_gaps(data)
    return Run(Kind.TEXT, escape_bytes(data), _SEPARATOR, spaced, has_gaps)


def _is_clean(data: bytes, count: int) -> bool:
    """Whether XML can hold the texts as they are, in which separators are the only controls."""
    if len(data) - len(data.translate(None, _CONTROLS)) != count - 1:
        return False
    return data.isascii() or not any(each in data for each in _NO_CHARACTERS)


def _has_gaps(data: bytes) -> bool:
    return data[:1] in {b"", _MARK} or data[-1:] == _MARK or _MARK + _MARK in data


def _has_space_that_counts(data: bytes) -> bool:
    """Like `app.workbooks.cells.has_space_that_counts`, of the white space that XML knows."""
    return (
        any(each in data for each in (b"\n", b"\t", b"\r", _MARK + b" ", b" " + _MARK))
        or data[:1] == b" "
        or data[-1:] == b" "
    )


def _numbers(kind: Kind, values: Sequence[float]) -> Run | None:
    """Finite numbers, each in the shortest spelling that is read back as the same."""
    data = orjson.dumps(values)
    return None if b"n" in data else Run(kind, data[1:-1].decode())


def _ints(values: Sequence[int]) -> Run | None:
    if max(values) < EXACT_BELOW and min(values) > -EXACT_BELOW:
        return _numbers(Kind.NUMBER, values)
    return None


def _floats(values: Sequence[float]) -> Run | None:
    return _numbers(Kind.NUMBER, values)


def _decimals(values: Sequence[Decimal]) -> Run | None:
    try:
        if not (max(values) < EXACT_BELOW and min(values) > -EXACT_BELOW):
            return None
    except ArithmeticError:  # one of them is no number, and cannot be compared
        return None
    spelt = ",".join(map(str, values))
    if "E" in spelt or len(spelt) > len(values) * _LONGEST_NUMBER:
        return _numbers(Kind.NUMBER, list(map(float, values)))
    return Run(Kind.NUMBER, spelt)


def _bools(values: Sequence[bool]) -> Run:
    return Run(Kind.BOOLEAN, ",".join(["1" if value else "0" for value in values]))


def _dates(values: Sequence[date]) -> Run | None:
    serials = [value.toordinal() - FIRST_ORDINAL for value in values]
    return _numbers(Kind.DATE, serials) if min(serials) >= _FIRST_RIGHT else None


def _datetimes(values: Sequence[datetime]) -> Run | None:
    epoch = EPOCH if values[0].tzinfo is None else _EPOCH_UTC
    try:
        serials = _days([value - epoch for value in values])
    except TypeError:  # some have a zone, and some have none
        return None
    if min(serials) < _FIRST_RIGHT or max(serials) > LAST_SERIAL:
        return None
    return _numbers(Kind.DATETIME, serials)


def _times(values: Sequence[time]) -> Run | None:
    if any(value.tzinfo for value in values):
        return None
    return _numbers(Kind.TIME, [day_fraction(value) for value in values])


def _durations(values: Sequence[timedelta]) -> Run | None:
    return _numbers(Kind.DURATION, _days(values))


def _days(spans: Sequence[timedelta]) -> list[float]:
    """`app.workbooks.values.days_of`, without a call for each."""
    return [
        span.days + (span.seconds * 1_000_000 + span.microseconds) / MICROSECONDS_OF_DAY
        for span in spans
    ]


def _uuids(values: Sequence[UUID]) -> Run:
    return Run(Kind.TEXT, orjson.dumps(values)[2:-2].decode(), '","')


_MAKERS: dict[type, Callable[[Any], Run | None]] = {
    str: _texts,
    int: _ints,
    float: _floats,
    bool: _bools,
    Decimal: _decimals,
    date: _dates,
    datetime: _datetimes,
    time: _times,
    timedelta: _durations,
    UUID: _uuids,
}
