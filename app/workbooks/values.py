"""What each Python value becomes in a cell.

| value | in the cell |
| --- | --- |
| `None`, `""` | nothing: the cell stays empty |
| `str` | that text, never a formula; see below |
| `bool` | a boolean |
| `int` | a number; from 10^15 on its digits as text, since Excel keeps only 15 |
| `float` | a number; NaN and the infinities as the text `NaN`, `Infinity`, `-Infinity` |
| `Decimal` | the nearest number; from 10^15 on, and if it is none, its text |
| `date`, `datetime` | a date; before 1900-03-01, where Excel's calendar is wrong, ISO 8601 text |
| `datetime` with a zone | the same instant in UTC, since Excel knows no zones |
| `time` | a time of day; with a zone ISO 8601 text |
| `timedelta` | a duration in days (Excel shows a negative one as ####) |
| anything else | its `str()` as text |

Subclasses go by the nearest of these types.

Text and what becomes of it:

| in the text | in the cell |
| --- | --- |
| `=1+1`, `+`, `-`, `@` at its start | the same: the cell is declared as text |
| emoji, right-to-left script, blanks at the ends, line breaks, tabs | the same |
| control characters, also NUL, that XML cannot hold | Excel's own escape, U+0001 as `_x0001_` |
| what looks like such an escape, `_x0041_` | the same, its underscore escaped: `_x005F_x0041_` |
| half of a surrogate pair, U+FFFE, U+FFFF: no characters | U+FFFD, the replacement character |
| past 32,767 UTF-16 units, Excel's limit | cut off, never inside a character |

The escapes are the file format's own (ECMA-376, ST_Xstring): Excel, LibreOffice and calamine read
them as the characters that were meant. openpyxl shows them as they are stored, and its
`utils.escape.unescape` turns them back. Half of a pair is not escaped, since readers do not get along
with that: calamine shows the escape, LibreOffice loses the next character when it exports.
"""

import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import IntEnum
from typing import Any

MAX_TEXT = 32_767
"""Characters of one cell, in UTF-16 units."""

EXACT_BELOW = 10**15
"""Excel keeps 15 digits of a number."""

_EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 - Excel's dates have no zone
_DAY = timedelta(days=1)
_FIRST_RIGHT_DAY = date(1900, 3, 1)
_FIRST_ORDINAL = _EPOCH.toordinal()

_CONTROLS = "\x00-\x08\x0b\x0c\x0e-\x1f"
_NO_CHARACTERS = "\ud800-\udfff\ufffe\uffff"
_NOT_XML = re.compile(f"[{_CONTROLS}{_NO_CHARACTERS}]")
_REPLACED = re.compile(f"[{_NO_CHARACTERS}]")
# A control character will begin with an underscore, so it can complete what looks like an escape.
_LOOKS_ESCAPED = re.compile(f"_(?=x[0-9A-Fa-f]{{4}}[_{_CONTROLS}])")
_ESCAPES = {code: f"_x{code:04X}_" for code in range(32) if _NOT_XML.match(chr(code))}
_SPECIAL = re.compile(f"[{_CONTROLS}{_NO_CHARACTERS}]|_x")


class Kind(IntEnum):
    """How a value is stored and, without a number format of the column, how it is shown."""

    TEXT = 0
    NUMBER = 1
    BOOLEAN = 2
    DATE = 3
    DATETIME = 4
    TIME = 5
    DURATION = 6


Stored = tuple[Kind, str]
"""Kind of the cell and what is stored in it; XML is not escaped yet."""

Encoder = Callable[[Any], Stored | None]


def encode(value: object) -> Stored | None:
    """What to store for a value (see the module); `None` leaves the cell empty."""
    encoder = _ENCODERS.get(type(value)) or _encoder_for(type(value))
    return encoder(value)


def clean_text(text: str) -> str:
    """The text as XML can hold it where there are no escapes: in the properties of the document.

    Control characters and what is no character become U+FFFD; more than 32,767 UTF-16 units are cut.
    """
    return _cut(_NOT_XML.sub("\ufffd", text))


def _cut(text: str) -> str:
    if len(text) <= MAX_TEXT // 2:
        return text
    return text.encode("utf-16-le")[: 2 * MAX_TEXT].decode("utf-16-le", "ignore")


def _text(value: str) -> Stored | None:
    text = value
    if (not text.isprintable() or "_x" in text) and _SPECIAL.search(text):
        text = _cut(_REPLACED.sub("\ufffd", text))
        text = _LOOKS_ESCAPED.sub("_x005F_", text).translate(_ESCAPES)
    elif len(text) > MAX_TEXT // 2:
        text = _cut(text)
    return (Kind.TEXT, text) if text else None


def _bool(value: bool) -> Stored:
    return Kind.BOOLEAN, "1" if value else "0"


def _int(value: int) -> Stored | None:
    if -EXACT_BELOW < value < EXACT_BELOW:
        return Kind.NUMBER, int.__repr__(value)
    return _text(str(Decimal(value)))  # `str(int)` refuses more than 4,300 digits


def _float(value: float) -> Stored | None:
    if math.isfinite(value):
        return Kind.NUMBER, float.__repr__(value)
    return _text("NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity")


def _decimal(value: Decimal) -> Stored | None:
    if value.is_finite() and value.adjusted() < len(str(EXACT_BELOW)) - 1:
        return Kind.NUMBER, float.__repr__(float(value))
    return _text(str(value))


def _date(value: date) -> Stored | None:
    if value < _FIRST_RIGHT_DAY:
        return _text(value.isoformat())
    return Kind.DATE, str(value.toordinal() - _FIRST_ORDINAL)


def _datetime(value: datetime) -> Stored | None:
    if value.tzinfo is not None:
        try:
            value = value.astimezone(UTC).replace(tzinfo=None)
        except OverflowError:  # hours from the end of the calendar
            return _text(value.isoformat(" "))
    if value.date() < _FIRST_RIGHT_DAY:
        return _text(value.isoformat(" "))
    return Kind.DATETIME, float.__repr__((value - _EPOCH) / _DAY)


def _time(value: time) -> Stored | None:
    if value.tzinfo is not None:
        return _text(value.isoformat())
    since = timedelta(
        hours=value.hour,
        minutes=value.minute,
        seconds=value.second,
        microseconds=value.microsecond,
    )
    return Kind.TIME, float.__repr__(since / _DAY)


def _timedelta(value: timedelta) -> Stored:
    return Kind.DURATION, float.__repr__(value / _DAY)


def _none(_: None) -> None:
    return None


def _other(value: object) -> Stored | None:
    return _text(str(value))


_ENCODERS: dict[type, Encoder] = {
    str: _text,
    int: _int,
    float: _float,
    bool: _bool,
    Decimal: _decimal,
    date: _date,
    datetime: _datetime,
    time: _time,
    timedelta: _timedelta,
    type(None): _none,
}


def _encoder_for(kind: type) -> Encoder:
    return next((_ENCODERS[base] for base in kind.__mro__ if base in _ENCODERS), _other)
