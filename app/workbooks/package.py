"""The package around the rows: openpyxl's own writer, told that streamed sheets are in the archive.

This is the one module that leans on openpyxl's inner parts, so the one to look at when it changes.
`check_openpyxl` says whether it has.
"""

import re
from functools import lru_cache
from io import BytesIO
from typing import Any, cast

import openpyxl
from openpyxl.cell import Cell
from openpyxl.drawing.spreadsheet_drawing import SpreadsheetDrawing
from openpyxl.worksheet._write_only import WriteOnlyWorksheet
from openpyxl.worksheet._writer import WorksheetWriter
from openpyxl.writer.excel import ExcelWriter

from app.workbooks.archive import Archive

AnySheet = Any
"""A sheet; openpyxl's type stubs leave out what is used here."""

SUPPORTED = "3.1."

_NO_ROWS = re.compile(rb"<sheetData\s*/>|<sheetData></sheetData>")
_USED: tuple[tuple[type, tuple[str, ...]], ...] = (
    (ExcelWriter, ("save", "write_data", "write_worksheet", "_write_worksheets")),
    (WorksheetWriter, ("write", "read", "write_top", "write_rows", "write_tail")),
    (WriteOnlyWorksheet, ("_path", "_setup", "path", "freeze_panes", "print_title_rows")),
    (openpyxl.Workbook, ("_add_sheet",)),
    (Cell, ("_value", "data_type")),
)


class StreamedSheet(WriteOnlyWorksheet):
    """A sheet whose rows are written by the caller, between the two parts of its frame.

    Attributes:
        number: of its part in the archive, which the sheet keeps wherever it is moved.
    """

    number: int

    @property
    def path(self) -> str:
        """The name of its part in the package."""
        return f"/xl/worksheets/rows{self.number}.xml"


class PackageWriter(ExcelWriter):
    """Writes all parts but the rows of streamed sheets, without a temporary file."""

    _archive: Any

    def __init__(self, workbook: openpyxl.Workbook, archive: Archive) -> None:
        super().__init__(workbook, cast(Any, archive))

    def write_worksheet(self, ws: AnySheet) -> None:
        """Write one sheet, unless it is there; called by openpyxl for each."""
        ws._drawing = SpreadsheetDrawing()
        ws._drawing.charts = ws._charts
        ws._drawing.images = ws._images
        if not isinstance(ws, StreamedSheet):
            writer = _write(ws)
            self._archive.writestr(part_of(ws), writer.read())
            ws._rels = writer._rels
        self.manifest.append(ws)


@lru_cache
def check_openpyxl() -> None:
    """Make sure that openpyxl has the inner parts that are used here.

    Raises:
        RuntimeError: naming the version and what is not as it was.
    """
    missing = [
        f"{kind.__name__}.{name}"
        for kind, names in _USED
        for name in names
        if not hasattr(kind, name)
    ]
    if not openpyxl.__version__.startswith(SUPPORTED):
        missing.insert(0, f"a version {SUPPORTED}x")
    if missing:
        raise RuntimeError(
            f"openpyxl {openpyxl.__version__} lacks {', '.join(missing)}. Install a version "
            f"{SUPPORTED}x, or let app/workbooks/package.py follow the change."
        )


def add_streamed(book: openpyxl.Workbook, title: str, number: int) -> AnySheet:
    """Add a sheet whose rows the caller writes into the archive, as the `number`-th of those."""
    worksheet: AnySheet = StreamedSheet(book, title)
    worksheet.number = number
    cast(Any, book)._add_sheet(worksheet)
    return worksheet


def set_content(cell: AnySheet, content: object, data_type: str) -> None:
    """Set what an ordinary cell holds as it is; openpyxl would guess a type, and cut escapes in two."""
    cell._value, cell.data_type = content, data_type


def part_of(worksheet: AnySheet) -> str:
    """The name of a sheet's part in the archive."""
    return str(worksheet.path).removeprefix("/")


def render_frame(worksheet: AnySheet) -> tuple[bytes, bytes]:
    """The XML of a streamed sheet before its rows and after them, as the sheet is at present.

    Raises:
        RuntimeError: openpyxl writes sheets in another way than it did.
    """
    writer = _write(worksheet)
    worksheet._rels = writer._rels
    parts = _NO_ROWS.split(writer.read())
    if len(parts) != 2:
        raise RuntimeError(
            f"openpyxl {openpyxl.__version__} writes the rows of an empty sheet in another way than "
            f"{SUPPORTED}x did, so there is no place for them. See app/workbooks/package.py."
        )
    return parts[0] + b"<sheetData>", b"</sheetData>" + parts[1]


def _write(worksheet: AnySheet) -> Any:
    writer = WorksheetWriter(worksheet, out=BytesIO())
    writer.write()
    return writer
