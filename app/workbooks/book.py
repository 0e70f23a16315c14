"""A workbook that is written into a file in one pass."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain, islice, zip_longest
from types import TracebackType
from typing import IO, BinaryIO, Self, cast
from zipfile import ZIP_DEFLATED, ZipFile

import openpyxl
from openpyxl.cell import Cell
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from app.workbooks.package import AnySheet, PackageWriter, add_streamed, part_of, render_frame
from app.workbooks.rows import RowRenderer
from app.workbooks.sheet import Sheet, Written, check_title, continued_title
from app.workbooks.styles import (
    column_styles,
    format_of,
    header_styles,
    print_on_page_width,
    style_header,
)
from app.workbooks.values import Kind, clean_text, encode

BATCH_ROWS = 500
COMPRESSION = 4
"""Deflate level; 6 takes half as long again for files a few per cent smaller."""

_DATA_TYPES = {Kind.TEXT: "s", Kind.BOOLEAN: "b"}

Row = Sequence[object]
Progress = Callable[[int], None]


class Workbook:
    """A workbook being written; leaving its `with` block normally completes the file.

    If the block raises, what is in the file is no workbook: throw it away. No other file is
    touched, and nothing is left behind.

    Args:
        file: seekable, binary, open for writing.
        title: for the document properties.
        creator: for the document properties.
    """

    def __init__(self, file: BinaryIO, *, title: str = "", creator: str = "") -> None:
        self._book = openpyxl.Workbook()
        self._book.remove(self._book.worksheets[0])
        self._book.properties.title = clean_text(title)
        self._book.properties.creator = clean_text(creator)
        self._archive = ZipFile(file, "w", ZIP_DEFLATED, compresslevel=COMPRESSION)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._archive:
            if error is None:
                self._book.properties.modified = datetime.now(UTC).replace(tzinfo=None)
                PackageWriter(self._book, self._archive).save()

    def write(self, sheet: Sheet, rows: Iterable[Row], progress: Progress | None = None) -> Written:
        """Stream rows into a new sheet, and into further ones where one is not enough.

        Args:
            rows: each with one value a column; see `app.workbooks.values` for their types.
            progress: is told the number of rows so far, after each few hundred of them.

        Raises:
            ValueError: a row of another length (the message says which), or a title that is taken.
        """
        table = _Table(self._add_streamed, self._archive, sheet, progress or _no_progress)
        return table.write(rows)

    def add_sheet(self, title: str, *, active: bool = False) -> Worksheet:
        """An ordinary openpyxl sheet, kept in memory; for few cells, free layout and charts.

        openpyxl takes text that begins with `=` for a formula: use `put` for what is data.

        Args:
            active: whether the workbook opens on it.

        Raises:
            ValueError: Excel refuses the title, or it is taken.
        """
        self._check_free(title)
        worksheet: Worksheet = self._book.create_sheet(title)
        if active:
            self._book.active = worksheet
        return worksheet

    def _add_streamed(self, title: str) -> AnySheet:
        self._check_free(title)
        return add_streamed(self._book, title)

    def _check_free(self, title: str) -> None:
        check_title(title)
        if title.casefold() in {each.casefold() for each in self._book.sheetnames}:
            raise ValueError(f"There is a sheet of this title already: {title!r}")


def put(
    worksheet: Worksheet,
    row: int,
    column: int,
    value: object,
    format: str | None = None,  # noqa: A002
) -> Cell:
    """Set a cell of an ordinary sheet by the rules of `app.workbooks.values`.

    Args:
        row: from 1.
        column: from 1.
        format: see `app.workbooks.sheet.Column`.

    Returns:
        The cell, for example to style it; its `value` is the text that is stored.
    """
    cell = cast(Cell, worksheet.cell(row, column))
    stored = encode(value)
    if stored is not None:
        kind, content = stored
        cell.value = content
        cell.data_type = _DATA_TYPES.get(kind, "n")  # what openpyxl guessed may be a formula
        cell.number_format = format_of(kind, format)
    return cell


def put_row(
    worksheet: Worksheet,
    row: int,
    values: Row,
    formats: Sequence[str | None] = (),
    *,
    header: bool = False,
) -> None:
    """Set the first cells of a row of an ordinary sheet; see `put`.

    Args:
        formats: of each value; General for what has none.
        header: give them the look of a header.
    """
    for column, (value, shown) in enumerate(zip_longest(values, formats), 1):
        cell = put(worksheet, row, column, value, shown)
        if header:
            style_header(cell)


class _Table:
    """The rows of one `Sheet` on their way into one worksheet or several."""

    def __init__(
        self,
        add: Callable[[str], AnySheet],
        archive: ZipFile,
        sheet: Sheet,
        progress: Progress,
    ) -> None:
        self._add, self._archive = add, archive
        self._sheet, self._progress = sheet, progress
        self._rows = 0

    def write(self, rows: Iterable[Row]) -> Written:
        """Write all rows."""
        rest = iter(rows)
        titles: list[str] = []
        while True:
            titles.append(self._title(len(titles) + 1))
            self._write_worksheet(titles[-1], rest)
            following = list(islice(rest, 1))
            if not following:
                return Written(self._rows, tuple(titles))
            rest = chain(following, rest)

    def _title(self, number: int) -> str:
        title = self._sheet.title
        return title if number == 1 else continued_title(title, number)

    def _write_worksheet(self, title: str, rows: Iterator[Row]) -> None:
        """Write as many rows as one worksheet may have."""
        sheet = self._sheet
        worksheet = self._add(title)
        _lay_out(worksheet, sheet)
        with self._archive.open(part_of(worksheet), "w", force_zip64=True) as part:
            part.write(render_frame(worksheet)[0])
            part.write(_header(worksheet, sheet))
            last = self._write_rows(worksheet, part, islice(rows, sheet.max_rows - 1))
            if sheet.filter:
                letter = get_column_letter(len(sheet.columns))
                worksheet.auto_filter.ref = f"A1:{letter}{last}"
            part.write(render_frame(worksheet)[1])

    def _write_rows(self, worksheet: AnySheet, part: IO[bytes], rows: Iterator[Row]) -> int:
        """Write rows under the header; the number of the last one comes back."""
        renderer = RowRenderer([column_styles(worksheet, each) for each in self._sheet.columns])
        last = 1
        while batch := list(islice(rows, BATCH_ROWS)):
            self._check_lengths(batch)
            part.writelines(renderer.render(last + 1, batch))
            last += len(batch)
            self._rows += len(batch)
            self._progress(self._rows)
        return last

    def _check_lengths(self, batch: list[Row]) -> None:
        expected = len(self._sheet.columns)
        for number, row in enumerate(batch, self._rows + 1):
            if len(row) != expected:
                raise ValueError(
                    f"Row {number:,} of {self._sheet.title!r} has {len(row)} values, "
                    f"but there are {expected} columns."
                )


def _lay_out(worksheet: AnySheet, sheet: Sheet) -> None:
    if sheet.freeze:
        worksheet.freeze_panes = "A2"
    print_on_page_width(worksheet)
    worksheet.print_title_rows = "1:1"
    for number, column in enumerate(sheet.columns, 1):
        worksheet.column_dimensions[get_column_letter(number)].width = column.width


def _header(worksheet: AnySheet, sheet: Sheet) -> bytes:
    renderer = RowRenderer([header_styles(worksheet)] * len(sheet.columns))
    return b"".join(renderer.render(1, [[column.title for column in sheet.columns]]))


def _no_progress(_: int) -> None:
    """Nobody asked."""
