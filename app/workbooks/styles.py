"""Looks: of the header and, by its kind, of each value."""

from openpyxl.cell import Cell, WriteOnlyCell
from openpyxl.styles import Alignment, Font, PatternFill, is_date_format

from app.workbooks.package import AnySheet
from app.workbooks.rows import Styles
from app.workbooks.sheet import BOOLEAN, DATE, DATETIME, DURATION, TIME, Column
from app.workbooks.values import Kind

HEADER_FILL = PatternFill("solid", fgColor="1F4E79")
HEADER_FONT = Font(name="Calibri", size=11, bold=True, color="FFFFFF")
HEADER_ALIGNMENT = Alignment(vertical="center", wrap_text=True)

_OF_ITS_OWN = {
    Kind.BOOLEAN: BOOLEAN,
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


def header_styles(worksheet: AnySheet) -> Styles:
    """The style numbers of a header cell."""
    cell = WriteOnlyCell(worksheet)
    style_header(cell)
    return [cell.style_id] * len(Kind)


def column_styles(worksheet: AnySheet, column: Column) -> Styles:
    """The style numbers of a column's cells."""
    return [_style_id(worksheet, column, kind) for kind in Kind]


def print_on_page_width(worksheet: AnySheet) -> None:
    """Print a sheet across, all its columns on the width of one page."""
    worksheet.page_setup.orientation = "landscape"
    worksheet.sheet_properties.pageSetUpPr.fitToPage = True
    worksheet.page_setup.fitToHeight = False


def format_of(kind: Kind, wanted: str | None) -> str:
    """The number format of a value: the wanted one where it fits, else what suits its kind."""
    own = _OF_ITS_OWN.get(kind, "General")
    if wanted is None or kind is Kind.BOOLEAN:
        return own
    return wanted if is_date_format(wanted) == is_date_format(own) else own


def _style_id(worksheet: AnySheet, column: Column, kind: Kind) -> int:
    cell = WriteOnlyCell(worksheet)
    cell.number_format = format_of(kind, column.format)
    if column.wrap:
        cell.alignment = Alignment(wrap_text=True, vertical="top")
    return cell.style_id
