"""Looks: of the header, of totals and, by its kind, of each value."""

import re
from collections.abc import Callable, Sequence
from copy import copy
from typing import cast

from openpyxl.cell import Cell, WriteOnlyCell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side, is_date_format
from openpyxl.styles.numbers import STRIP_RE, is_timedelta_format

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

_DAY = re.compile("[dy]|mmm", re.IGNORECASE)
_CLOCK = re.compile("[hs]", re.IGNORECASE)

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
    return _styles(worksheet, columns, _cell)


def total_styles(worksheet: AnySheet, columns: Sequence[Column]) -> list[Styles]:
    """The style numbers of each column's cell in the row of totals."""
    return _styles(worksheet, columns, _total_cell)


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
    if kind in {Kind.DATE, Kind.DATETIME}:
        return wanted if _shows(wanted) in {Kind.DATE, Kind.TIME} else own
    return wanted if _shows(wanted) == _shows(own) else own


def _shows(format: str) -> Kind:  # noqa: A002
    """What a format is for; the day of a time, for example, would be one of the year 1900."""
    if is_timedelta_format(format):
        return Kind.DURATION
    if not is_date_format(format):
        return Kind.NUMBER
    code = STRIP_RE.sub("", format)  # without texts, colours, languages
    return Kind.DATE if _DAY.search(code) or not _CLOCK.search(code) else Kind.TIME


def style_link(cell: Cell) -> None:
    """Give a cell the look of a link."""
    cell.font = LINK_FONT


def _styles(
    worksheet: AnySheet,
    columns: Sequence[Column],
    make: Callable[[AnySheet, Column, Kind], Cell],
) -> list[Styles]:
    """The style numbers of the cells that are made for each column; columns alike share them."""
    made: dict[tuple[object, ...], Styles] = {}
    styles = []
    for column in columns:
        look = column.format, column.wrap, column.style, column.total is Total.COUNT
        if look not in made:
            made[look] = [make(worksheet, column, kind).style_id for kind in Kind]
        styles.append(made[look])
    return styles


def _cell(worksheet: AnySheet, column: Column, kind: Kind) -> Cell:
    cell = WriteOnlyCell(worksheet)
    if column.style is not None:
        cell.style = column.style
    styled = cell.number_format if column.style is not None else None
    cell.number_format = format_of(kind, column.format or styled)
    if column.wrap:
        aligned: Alignment = copy(cast(Alignment, cell.alignment))
        aligned.wrap_text, aligned.vertical = True, "top"
        cell.alignment = aligned
    if kind is Kind.LINK:
        style_link(cell)
    return cell


def _total_cell(worksheet: AnySheet, column: Column, kind: Kind) -> Cell:
    cell = _cell(worksheet, column, kind)
    if column.total is Total.COUNT:
        cell.number_format = "#,##0"
    cell.font, cell.border = TOTAL_FONT, TOTAL_BORDER
    return cell
