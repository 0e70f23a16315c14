"""XlsxWriter with `constant_memory`."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import xlsxwriter

from benchmarks.workbook.rows import Kind, Row, Table
from benchmarks.workbook.writers import SHEET

MAPPINGS = False
# It takes time zones away itself. Text is text: it looks for links and formulas otherwise.
OPTIONS = {
    "constant_memory": True,
    "remove_timezone": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
}
Put = Callable[..., Any]


def write(path: Path, table: Table, rows: Iterable[Row]) -> None:
    """Write a file, with the method of each column's type: `write` finds it out for each cell."""
    with xlsxwriter.Workbook(str(path), OPTIONS) as book:
        sheet = book.add_worksheet(SHEET)
        sheet.freeze_panes(1, 0)
        bold = book.add_format({"bold": True})
        columns = []
        for number, field in enumerate(table.fields):
            sheet.set_column(number, number, field.width)
            sheet.write_string(0, number, field.title, bold)
            style = book.add_format({"num_format": field.format}) if field.format else None
            columns.append((number, _put(sheet, field.kind), style))
        last = 0
        for last, row in enumerate(rows, 1):
            for (number, put, style), value in zip(columns, row, strict=True):
                if value is not None:
                    put(last, number, value, style)
        sheet.autofilter(0, 0, last, len(columns) - 1)


def _put(sheet: Any, kind: Kind) -> Put:
    def put_text(row: int, column: int, value: object, style: object) -> None:
        sheet.write_string(row, column, str(value), style)

    methods: dict[Kind, Put] = {
        Kind.INTEGER: sheet.write_number,
        Kind.FLOAT: sheet.write_number,
        Kind.DECIMAL: sheet.write_number,
        Kind.TEXT: sheet.write_string,
        Kind.BOOLEAN: sheet.write_boolean,
        Kind.DATE: sheet.write_datetime,
        Kind.DATETIME: sheet.write_datetime,
        Kind.INSTANT: sheet.write_datetime,
        Kind.UUID: put_text,
        Kind.MIXED: sheet.write,
    }
    return methods[kind]
