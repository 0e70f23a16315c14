"""What kind of value a cell holds, and how it looks as JSON."""

import math
import re
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple

KINDS = ("text", "number", "date", "boolean", "error", "empty")

# At most so many digits: nothing longer is meant as a number, and nothing here takes long.
_NUMBER = re.compile(r"[+-]?(\d{1,40}(\.\d{0,40})?|\.\d{1,40})([eE][+-]?\d{1,3})?")
_DATE = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?)?")
_ERRORS = frozenset(
    {"#N/A", "#REF!", "#NAME?", "#VALUE!", "#DIV/0!", "#NUM!", "#NULL!", "#SPILL!", "#CALC!"}
)
_LONGEST_VALUE = 100


class Cell(NamedTuple):
    """One cell.

    Attributes:
        kind: one of `KINDS`.
        value: as JSON; dates and times in ISO 8601, an empty cell is None.
    """

    kind: str
    value: bool | int | float | str | None


EMPTY = Cell("empty", None)


def of_workbook(value: Any, *, is_error: bool = False) -> Cell:
    """A cell of a workbook, as openpyxl reads it."""
    if value is None or value == "":
        return EMPTY
    if isinstance(value, bool):
        return Cell("boolean", value)
    if isinstance(value, int | float):
        # JSON has no infinity, which Excel has not either.
        return Cell("number", value) if _is_finite(value) else Cell("error", str(value))
    if isinstance(value, date | datetime | time):
        return Cell("date", value.isoformat())
    if isinstance(value, timedelta):
        return Cell("date", str(value))
    return Cell("error" if is_error else "text", str(value))


def of_text(text: str) -> Cell:
    """A cell of a CSV file: its text as it is, and the kind that the text looks like."""
    stripped = text.strip()
    if not stripped:
        return EMPTY
    return Cell(_kind_of(stripped) if len(stripped) <= _LONGEST_VALUE else "text", text)


def _kind_of(text: str) -> str:
    if _NUMBER.fullmatch(text):
        return "number"
    if _DATE.fullmatch(text):
        return "date"
    if text.lower() in {"true", "false"}:
        return "boolean"
    return "error" if text in _ERRORS else "text"


def trimmed(cells: Iterable[Cell]) -> list[Cell]:
    """Without the empty cells at the end of a row."""
    row = list(cells)
    while row and row[-1] is EMPTY:
        row.pop()
    return row


def _is_finite(value: float) -> bool:
    return isinstance(value, int) or math.isfinite(value)
