"""openpyxl's write-only mode, over lxml."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from openpyxl import LXML, Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from benchmarks.workbook.rows import Field, Kind, Row, Table
from benchmarks.workbook.writers import SHEET

MAPPINGS = False
assert LXML, "openpyxl without lxml is half as slow again"


def write(path: Path, table: Table, rows: Iterable[Row]) -> None:
    """Write a file."""
    book = Workbook(write_only=True)
    sheet: Any = book.create_sheet(SHEET)
    sheet.freeze_panes = "A2"
    for number, field in enumerate(table.fields, 1):
        sheet.column_dimensions[get_column_letter(number)].width = field.width
    sheet.append([_header(sheet, field) for field in table.fields])
    converters = [_converter(sheet, field) for field in table.fields]
    count = 1
    for row in rows:
        sheet.append(
            [None if v is None else convert(v) for convert, v in zip(converters, row, strict=True)]
        )
        count += 1
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(table.fields))}{count}"
    book.save(path)


def _header(sheet: Any, field: Field) -> Any:
    cell = WriteOnlyCell(sheet, field.title)
    cell.font = Font(bold=True)
    return cell


def _converter(sheet: Any, field: Field) -> Callable[[Any], Any]:
    """What becomes of a value; a cell with a style serves a whole column, for rows are written at once."""
    if field.kind is Kind.UUID:
        return str
    if field.format is None:
        return _as_it_is
    styled: Any = WriteOnlyCell(sheet)
    styled.number_format = field.format

    def fill(value: Any) -> Any:
        styled.value = value
        return styled

    def fill_naive(value: Any) -> Any:
        styled.value = value.replace(tzinfo=None)
        return styled

    return fill_naive if field.kind is Kind.INSTANT else fill


def _as_it_is(value: Any) -> Any:
    return value
