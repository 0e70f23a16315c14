"""Looks: of the header and, by its kind, of each value."""

from openpyxl.cell import Cell, WriteOnlyCell
from openpyxl.styles import Alignment, Font, PatternFill, is_date_format
from openpyxl.worksheet._write_only import WriteOnlyWorksheet

from app.workbooks.rows import Styles
from app.workbooks.sheet import DATE, DATETIME, DURATION, TIME, Column
from app.workbooks.values import Kind

HEADER_FILL = PatternFill("solid", fgColor="1F4E79")
HEADER_FONT = Font(bold=True, color="FFFFFF")
HEADER_ALIGNMENT = Alignment(vertical="center", wrap_text=True)

_OF_ITS_OWN = {
    Kind.DATE: DATE,
    Kind.DATETIME: DATETIME,
    Kind.TIME: TIME,
    Kind.DURATION: DURATION,
}


def style_header(cell: Cell) -> None:
    """Give a cell the look of a header."""
    cell.font = HEADER_FONT
    cell.fill = HEADER_FILL
    cell.alignment = HEADER_ALIGNMENT


def header_styles(worksheet: WriteOnlyWorksheet) -> Styles:
    """The style numbers of a header cell."""
    cell = WriteOnlyCell(worksheet)
    style_header(cell)
    return [cell.style_id] * len(Kind)


def column_styles(worksheet: WriteOnlyWorksheet, column: Column) -> Styles:
    """The style numbers of a column's cells."""
    return [_style_id(worksheet, column, kind) for kind in Kind]


def format_of(kind: Kind, wanted: str | None) -> str:
    """The number format of a value: the wanted one where it fits, else what suits its kind."""
    own = _OF_ITS_OWN.get(kind)
    if wanted is not None and is_date_format(wanted) == (own is not None):
        return wanted
    return own or "General"


def _style_id(worksheet: WriteOnlyWorksheet, column: Column, kind: Kind) -> int:
    cell = WriteOnlyCell(worksheet)
    cell.number_format = format_of(kind, column.format)
    if column.wrap:
        cell.alignment = Alignment(wrap_text=True, vertical="top")
    return cell.style_id
