"""The package around the rows: openpyxl's own writer, told that streamed sheets are in the archive.

This is the one module that leans on openpyxl's inner parts, so the one to look at when it changes.
"""

import re
from io import BytesIO
from typing import Any, cast
from zipfile import ZipFile

import openpyxl
from openpyxl.drawing.spreadsheet_drawing import SpreadsheetDrawing
from openpyxl.worksheet._write_only import WriteOnlyWorksheet
from openpyxl.worksheet._writer import WorksheetWriter
from openpyxl.writer.excel import ExcelWriter

AnySheet = Any
"""A sheet; openpyxl's type stubs leave out what is used here."""

_NO_ROWS = re.compile(rb"<sheetData\s*/>|<sheetData></sheetData>")


class PackageWriter(ExcelWriter):
    """Writes all parts but the streamed sheets, without a temporary file."""

    _archive: ZipFile

    def write_worksheet(self, ws: AnySheet) -> None:
        """Write one sheet, unless it is there; called by openpyxl for each."""
        ws._drawing = SpreadsheetDrawing()
        ws._drawing.charts = ws._charts
        ws._drawing.images = ws._images
        if not isinstance(ws, WriteOnlyWorksheet):
            writer = _write(ws)
            self._archive.writestr(part_of(ws), writer.read())
            ws._rels = writer._rels
        self.manifest.append(ws)


def add_streamed(book: openpyxl.Workbook, title: str) -> AnySheet:
    """Add a sheet whose rows the caller writes into the archive, between the two frame parts."""
    worksheet: AnySheet = WriteOnlyWorksheet(book, title)
    cast(Any, book)._add_sheet(worksheet)
    return worksheet


def part_of(worksheet: AnySheet) -> str:
    """The name of a sheet's part in the archive; sheets are numbered as they were added."""
    worksheet._id = worksheet.parent.worksheets.index(worksheet) + 1
    return str(worksheet.path).removeprefix("/")


def render_frame(worksheet: AnySheet) -> tuple[bytes, bytes]:
    """The XML of a streamed sheet before its rows and after them, as the sheet is at present."""
    before, after = _NO_ROWS.split(_write(worksheet).read())
    return before + b"<sheetData>", b"</sheetData>" + after


def _write(worksheet: AnySheet) -> Any:
    writer = WorksheetWriter(worksheet, out=BytesIO())
    writer.write()
    return writer
