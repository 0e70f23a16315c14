r"""What each Python value becomes in a cell.

| value | in the cell |
| --- | --- |
| `None`, `""`, numpy's `NaT` and masked values | nothing: the cell stays empty |
| `str` | that text, never a formula; see below |
| `bool` | a boolean |
| `int` | a number; from 10^15 on its digits as text, since Excel keeps only 15 |
| `float` | a number; NaN and the infinities as the text `NaN`, `Infinity`, `-Infinity` |
| `Decimal` | the nearest number; from 10^15 on, and if it is none, its text |
| `date`, `datetime` | a date; before 1900-03-01, where Excel's calendar is wrong, ISO 8601 text |
| `datetime` with a zone | the same instant in UTC, since Excel knows no zones |
| `time` | a time of day; with a zone ISO 8601 text |
| `timedelta` | a duration in days (Excel shows a negative one as ####) |
| `UUID` | its text |
| `Enum` | what its value becomes |
| `bytes`, `bytearray`, `memoryview` | hexadecimal text as Postgres writes it: `\x00ff` |
| `dict`, `list`, `tuple`, `set`, `frozenset` | JSON text; what JSON does not know, by its `str()` |
| psycopg2's ranges | as Postgres writes them: `[1,5)`, `empty` |
| scalars of numpy | what the Python value becomes; `datetime64` and `timedelta64` to the microsecond |
| arrays of numpy | JSON text |
| `Formula`, `Hyperlink` | see `app.workbooks.explicit` |
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
from enum import Enum, IntEnum
from functools import lru_cache
from typing import Any
from uuid import UUID

from app.workbooks.explicit import Formula, Hyperlink
from app.workbooks.foreign import hex_text, json_text, translator_for
from app.workbooks.lengths import MAX_TEXT, SURELY_FITS, cut

EXACT_BELOW = 10**15
"""Excel keeps 15 digits of a number."""

EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 - Excel's dates have no zone
MICROSECONDS_OF_DAY = 86_400_000_000
FIRST_RIGHT_DAY = date(1900, 3, 1)
FIRST_ORDINAL = EPOCH.toordinal()
LAST_SERIAL = 2_958_466 - 1 / 86_400_000
"""Of the last millisecond of the year 9999, in days from Excel's epoch."""

CONTROLS = "\x00-\x08\x0b\x0c\x0e-\x1f"
_NO_CHARACTERS = "\ud800-\udfff\ufffe\uffff"
_NOT_XML = re.compile(f"[{CONTROLS}{_NO_CHARACTERS}]")
_REPLACED = re.compile(f"[{_NO_CHARACTERS}]")
# A control character will begin with an underscore, so it can complete what looks like an escape.
# LibreOffice takes fewer than four digits for one as well.
LOOKS_ESCAPED = re.compile(f"_(?=x[0-9A-Fa-f]{{1,4}}[_{CONTROLS}])")
_CONTROL = re.compile(f"[{CONTROLS}]")
_SPECIAL = re.compile(f"[{CONTROLS}{_NO_CHARACTERS}]|_x")


class Kind(IntEnum):
    """How a value is stored and, without a number format of the column, how it is shown."""

    TEXT = 0
    NUMBER = 1
    BOOLEAN = 2
    DATE = 3
    DATETIME = 4
    TIME = 5
    DURATION = 6
    LINK = 7
    UNKNOWN = 8
    """What a formula will come to."""


Stored = tuple[Kind, str, str]
"""Kind of the cell, what is stored in it, and the formula if it has one; XML is not escaped yet."""

Encoder = Callable[[Any], Stored | None]


def encode(value: object) -> Stored | None:
    """What to store for a value (see the module); `None` leaves the cell empty."""
    kind: Any = type(value)
    encoder = _ENCODERS.get(kind) or _encoder_for(kind)
    return encoder(value)


def clean_text(text: str) -> str:
    """The text as XML can hold it where there are no escapes: in the properties of the document.

    Control characters and what is no character become U+FFFD; more than 32,767 UTF-16 units are cut.
    """
    return cut(_NOT_XML.sub("\ufffd", text))


def _text(value: str) -> Stored | None:
    # No character is less than one unit, so what is cut off here could not stay.
    text = str.__str__(value)[:MAX_TEXT]
    if (not text.isprintable() or "_x" in text) and _SPECIAL.search(text):
        text = cut(_REPLACED.sub("\ufffd", text))
        text = _CONTROL.sub(_escape, LOOKS_ESCAPED.sub("_x005F_", text))
    elif len(text) > SURELY_FITS:
        text = cut(text)
    return (Kind.TEXT, text, "") if text else None


def _escape(found: re.Match[str]) -> str:
    return f"_x{ord(found[0]):04X}_"


def _bool(value: bool) -> Stored:
    return Kind.BOOLEAN, "1" if value else "0", ""


def _int(value: int) -> Stored | None:
    if -EXACT_BELOW < value < EXACT_BELOW:
        return Kind.NUMBER, int.__repr__(value), ""
    return _text(str(Decimal(value)))  # `str(int)` refuses more than 4,300 digits


def _float(value: float) -> Stored | None:
    if math.isfinite(value):
        return Kind.NUMBER, float.__repr__(value), ""
    return _text("NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity")


def _decimal(value: Decimal) -> Stored | None:
    if value.is_finite() and -EXACT_BELOW < value < EXACT_BELOW:
        return Kind.NUMBER, float.__repr__(float(value)), ""
    return _text(str(value))


def _date(value: date) -> Stored | None:
    if value < FIRST_RIGHT_DAY:
        return _text(value.isoformat())
    return Kind.DATE, str(value.toordinal() - FIRST_ORDINAL), ""


def _datetime(value: datetime) -> Stored | None:
    if value.utcoffset() is not None:
        try:
            value = value.astimezone(UTC).replace(tzinfo=None)
        except OverflowError:  # hours from the end of the calendar
            return _text(value.isoformat(" "))
    if value.date() < FIRST_RIGHT_DAY:
        return _text(value.isoformat(" "))
    # Readers round to milliseconds, and Excel has no year 10000.
    serial = min(days_of(value - EPOCH), LAST_SERIAL)
    return Kind.DATETIME, float.__repr__(serial), ""


def _time(value: time) -> Stored | None:
    if value.tzinfo is not None:
        return _text(value.isoformat())
    return Kind.TIME, float.__repr__(day_fraction(value)), ""


def day_fraction(value: time) -> float:
    """A time of day as the part of the day that is over."""
    seconds = (value.hour * 60 + value.minute) * 60 + value.second
    # Readers round to milliseconds, and midnight is the next day.
    return min(seconds * 1_000_000 + value.microsecond, 86_399_999_000) / MICROSECONDS_OF_DAY


def _timedelta(value: timedelta) -> Stored:
    return Kind.DURATION, float.__repr__(days_of(value)), ""


def days_of(span: timedelta) -> float:
    """A span of time in days; within one unit in the last place of `span / timedelta(1)`, and quicker."""
    return span.days + (span.seconds * 1_000_000 + span.microseconds) / MICROSECONDS_OF_DAY


def _none(_: None) -> None:
    return None


def _other(value: object) -> Stored | None:
    return _text(str(value))


def _json(value: object) -> Stored | None:
    return _text(json_text(value))


def _hex(value: object) -> Stored | None:
    return _text(hex_text(value))


def _enum(value: Enum) -> Stored | None:
    return encode(value.value)


def _formula(value: Formula) -> Stored:
    return Kind.UNKNOWN, "", value.text


def _hyperlink(value: Hyperlink) -> Stored | None:
    shown = _text(value.shown)
    if not value.fits or shown is None:
        return _text(value.url)
    return Kind.LINK, shown[1], clean_text(value.formula)


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
    UUID: _other,
    Formula: _formula,
    Hyperlink: _hyperlink,
    **dict.fromkeys((dict, list, tuple, set, frozenset), _json),
    **dict.fromkeys((bytes, bytearray, memoryview), _hex),
}


@lru_cache(maxsize=256)
def _encoder_for(kind: type) -> Encoder:
    """The encoder of a type that has none of its own."""
    if translate := translator_for(kind):
        return lambda value: encode(translate(value))
    if issubclass(kind, Enum):
        return _enum
    return next((_ENCODERS[base] for base in kind.__mro__ if base in _ENCODERS), _other)
