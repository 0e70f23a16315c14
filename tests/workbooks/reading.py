"""Writes small workbooks and reads them back with two other libraries."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import openpyxl
from openpyxl.utils.escape import unescape
from python_calamine import CalamineWorkbook

from app.workbooks.book import Workbook
from app.workbooks.sheet import Column, Sheet, Written

Row = Sequence[object]

# Readers round to milliseconds; half of one is lost at most by the number that stands for a moment.
FINEST = timedelta(milliseconds=1)


def write(path: Path, sheet: Sheet, rows: Iterable[Row]) -> Written:
    with path.open("wb") as file, Workbook(file) as workbook:
        return workbook.write(sheet, rows)


def write_column(path: Path, values: Sequence[object], shown: str | None = None) -> None:
    """One column under a header."""
    write(path, Sheet("Sheet", [Column("Value", format=shown)]), ([value] for value in values))


def calamine_rows(path: Path, title: str) -> list[list[Any]]:
    """Rows of a sheet; an empty cell is ''."""
    return calamine_sheets(path, [title])[title]


def calamine_sheets(path: Path, titles: Iterable[str]) -> dict[str, list[list[Any]]]:
    """Rows of several sheets; an empty cell is ''."""
    with CalamineWorkbook.from_path(path) as workbook:
        return {
            title: workbook.get_sheet_by_name(title).to_python(skip_empty_area=False)
            for title in titles
        }


def openpyxl_rows(path: Path, title: str) -> list[list[Any]]:
    """Rows of a sheet; an empty cell is None. openpyxl leaves Excel's escapes as they are."""
    return openpyxl_sheets(path)[title]


def openpyxl_sheets(path: Path) -> dict[str, list[list[Any]]]:
    """Rows of all sheets; an empty cell is None."""
    return {
        sheet.title: [[_unescaped(value) for value in row] for row in sheet.values]
        for sheet in openpyxl.load_workbook(path).worksheets
    }


def read_column(path: Path, title: str = "Sheet") -> tuple[list[Any], list[Any]]:
    """The values under the header, by calamine and by openpyxl."""
    by_calamine = [row[0] for row in calamine_rows(path, title)[1:]]
    return by_calamine, [row[0] for row in openpyxl_rows(path, title)[1:]]


def is_same(read: object, arrives: object, within: float = 0.0) -> bool:
    """Whether a reader gave what has to arrive; `None` stands for an empty cell.

    Args:
        within: how far a number may be off, as a part of it.
    """
    if arrives is None:
        return read is None or read == ""
    if isinstance(arrives, bool):
        return read is arrives
    if isinstance(arrives, str):
        return isinstance(read, str) and read == arrives
    if isinstance(arrives, datetime | time | timedelta):
        return _is_same_moment(read, arrives)
    if isinstance(read, bool) or not isinstance(read, int | float):
        return False
    assert isinstance(arrives, int | float), arrives
    return abs(read - arrives) <= within * abs(arrives)


def _is_same_moment(read: object, arrives: datetime | time | timedelta) -> bool:
    one, other = _since(read), _since(arrives)
    kinds = {type(read) is time, type(arrives) is time}
    return None not in (one, other) and len(kinds) == 1 and abs(one - other) <= FINEST  # type: ignore[operator]


def _since(moment: object) -> timedelta | None:
    """A moment, a time of day or a duration as what has passed since zero."""
    if isinstance(moment, timedelta):
        return moment
    if isinstance(moment, time):
        moment = datetime.combine(date.min, moment)
    if isinstance(moment, date) and not isinstance(moment, datetime):
        moment = datetime.combine(moment, time.min)
    return moment - datetime(1, 1, 1) if isinstance(moment, datetime) else None  # noqa: DTZ001


def _unescaped(value: Any) -> Any:
    return _unescaped_text(value) if isinstance(value, str) else value


@lru_cache(maxsize=16)  # thousands of escapes in one text, and that in many cells, take long
def _unescaped_text(text: str) -> str:
    return unescape(text)
