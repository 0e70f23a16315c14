"""Looks: of the header, of totals and, by its kind, of each value."""

import re
from collections.abc import Sequence

from openpyxl.cell import Cell, WriteOnlyCell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side, is_date_format
from openpyxl.styles.numbers import is_timedelta_format

from app.workbooks.cells import Styles
from app.workbooks.package import AnySheet
from app.workbooks.sheet import BOOLEAN, DATE, DATETIME, DURATION, TIME, Column, Total
from app.workbooks.values import Kind

HEADER_FILL = PatternFill("solid", fgColor="1F4E79")
HEADER_FONT = Font(name="Calibri", size=11, bold=True, color="FFFFFF")
HEADER_ALIGNMENT = Alignment(vertical="center", wrap_text=True)
LINK_FONT = Font(name="Calibri", size=11, underline="single", color="0563C1")
TOTAL_FONT = Font(name="Calibri", size=11, bold=True)
TOTAL_BORDER = Border(top=Side(style="thin"))

_HAS_DAY = re.compile("[dy]", re.IGNORECASE)

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


def column_styles(worksheet: AnySheet, columns: Sequence[Column]) -> list[Styles]:
    """The style numbers of each column's cells.

    Raises:
        ValueError: the workbook has no style of the name that a column wants.
    """
    made: dict[tuple[object, ...], Styles] = {}
    styles = []
    for column in columns:
        look = column.format, column.wrap, column.style
        if look not in made:
            made[look] = [_cell(worksheet, column, kind).style_id for kind in Kind]
        styles.append(made[look])
    return styles


def total_styles(worksheet: AnySheet, columns: Sequence[Column]) -> list[Styles]:
    """The style numbers of each column's cell in the row of totals."""
    return [[_total_cell(worksheet, column, kind).style_id for kind in Kind] for column in columns]


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
    if kind is Kind.UNKNOWN:
        return wanted
    if kind is Kind.DURATION:  # in another format, 30 hours would be 6 o'clock
        return wanted if is_timedelta_format(wanted) else own
    if kind is Kind.TIME and _HAS_DAY.search(wanted):
        return own
    return wanted if is_date_format(wanted) == is_date_format(own) else own


def style_link(cell: Cell) -> None:
    """Give a cell the look of a link."""
    cell.font = LINK_FONT


def _cell(worksheet: AnySheet, column: Column, kind: Kind) -> Cell:
    cell = WriteOnlyCell(worksheet)
    if column.style is not None:
        cell.style = column.style
    if column.style is None or column.format is not None or kind in _OF_ITS_OWN:
        cell.number_format = format_of(kind, column.format)
    if column.wrap:
        cell.alignment = Alignment(wrap_text=True, vertical="top")
    if kind is Kind.LINK:
        style_link(cell)
    return cell


def _total_cell(worksheet: AnySheet, column: Column, kind: Kind) -> Cell:
    cell = _cell(worksheet, column, kind)
    if column.total is Total.COUNT:
        cell.number_format = "#,##0"
    cell.font, cell.border = TOTAL_FONT, TOTAL_BORDER
    return cell
