"""Writes small workbooks and reads them back with two other libraries."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import openpyxl
from openpyxl.utils.escape import unescape
from python_calamine import CalamineWorkbook

from app.workbooks.book import Row, Workbook
from app.workbooks.sheet import Column, Sheet, Written


def write(path: Path, sheet: Sheet, rows: Iterable[Row]) -> Written:
    with path.open("wb") as file, Workbook(file) as workbook:
        return workbook.write(sheet, rows)


def write_column(path: Path, values: Sequence[object], shown: str | None = None) -> None:
    """One column under a header."""
    write(path, Sheet("Sheet", [Column("Value", format=shown)]), ([value] for value in values))


def calamine_rows(path: Path, title: str) -> list[list[Any]]:
    """Rows of a sheet; an empty cell is ''."""
    with CalamineWorkbook.from_path(path) as workbook:
        return workbook.get_sheet_by_name(title).to_python(skip_empty_area=False)


def openpyxl_rows(path: Path, title: str) -> list[list[Any]]:
    """Rows of a sheet; an empty cell is None. openpyxl leaves Excel's escapes as they are."""
    return [
        [unescape(value) if isinstance(value, str) else value for value in row]
        for row in openpyxl.load_workbook(path)[title].iter_rows(values_only=True)
    ]


def read_column(path: Path, title: str = "Sheet") -> tuple[list[Any], list[Any]]:
    """The values under the header, by calamine and by openpyxl."""
    by_calamine = [row[0] for row in calamine_rows(path, title)[1:]]
    return by_calamine, [row[0] for row in openpyxl_rows(path, title)[1:]]
