"""A workbook that is written into a file in one pass."""

from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import count
from types import TracebackType
from typing import BinaryIO, Self

import openpyxl
from openpyxl.utils.datetime import WINDOWS_EPOCH
from openpyxl.worksheet.worksheet import Worksheet

from app.workbooks.archive import Archive
from app.workbooks.deflate import Compression
from app.workbooks.package import AnySheet, PackageWriter, add_streamed, check_openpyxl
from app.workbooks.sheet import Sheet, Written, check_title, continued_title
from app.workbooks.table import Progress, Row, Table
from app.workbooks.values import clean_text


class Workbook:
    """A workbook being written; leaving its `with` block normally completes the file.

    If the block raises, what is in the file is no workbook: throw it away, or write into
    `app.workbooks.target.whole_file`, which does. No other file is touched, and nothing is left behind.

    Args:
        file: binary, open for writing; it need not be able to seek.
        title: for the document properties.
        creator: for the document properties.
        compression: what matters more, time or size.

    Raises:
        RuntimeError: openpyxl is of a version that this does not fit.
    """

    def __init__(
        self,
        file: BinaryIO,
        *,
        title: str = "",
        creator: str = "",
        compression: Compression = Compression.FAST,
    ) -> None:
        check_openpyxl()
        self._book = openpyxl.Workbook()
        self._book.remove(self._book.worksheets[0])
        self._book.properties.title = clean_text(title)
        self._book.properties.creator = clean_text(creator)
        self._archive = Archive(file, compression)
        self._numbers = count(1)
        self._is_closed = self._is_incomplete = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._is_closed = True
        if error is None:
            self._check_complete()
            self._book.properties.modified = datetime.now(UTC).replace(tzinfo=None)
            PackageWriter(self._book, self._archive).save()

    @property
    def openpyxl(self) -> openpyxl.Workbook:
        """The workbook as openpyxl has it: properties, named styles, defined names, order of sheets.

        A streamed sheet is in the file as soon as it is written: what is to be changed about it
        belongs into `Sheet.prepare`.
        """
        return self._book

    def write(self, sheet: Sheet, rows: Iterable[Row], progress: Progress | None = None) -> Written:
        """Stream rows into a new sheet, and into further ones where one is not enough.

        Args:
            rows: each with one value a column; see `app.workbooks.values` for their types. Each is an
                object of its own: a list that is filled again and again would be written as it is last.
            progress: is told the number of rows so far, after each few hundred of them.

        Raises:
            ValueError: a row of another length (the message says which), a title that is taken, a
                style that the workbook does not have, or the workbook is complete already. After an error
                among the rows the workbook cannot be completed.
            OSError: the file cannot be written.
        """
        self._check_open()
        self._check_whole()
        self._check_free(sheet.title)
        self._is_incomplete = True
        table = Table(self._add_streamed, self._archive, sheet, progress or _no_progress)
        written = table.write(rows)
        self._is_incomplete = False
        return written

    def add_sheet(self, title: str, *, active: bool = False) -> Worksheet:
        """An ordinary openpyxl sheet, kept in memory; for few cells, free layout and charts.

        openpyxl takes text that begins with `=` for a formula: use `app.workbooks.ordinary.put` for
        what is data.

        Args:
            active: whether the workbook opens on it.

        Raises:
            ValueError: Excel refuses the title, or it is taken; or the workbook is complete already.
        """
        self._check_open()
        self._check_free(title)
        worksheet: Worksheet = self._book.create_sheet(title)
        if active:
            self._book.active = worksheet
        return worksheet

    def _add_streamed(self, sheet: Sheet, number: int) -> AnySheet:
        """The `number`-th worksheet of a table."""
        title = sheet.title
        if number > 1:
            title = continued_title(title, number, self._taken())
        self._check_free(title)
        return add_streamed(self._book, title, next(self._numbers))

    def _check_free(self, title: str) -> None:
        check_title(title)
        if title.casefold() in self._taken():
            raise ValueError(f"There is a sheet of this title already: {title!r}")

    def _taken(self) -> set[str]:
        return {each.casefold() for each in self._book.sheetnames}

    def _check_open(self) -> None:
        if self._is_closed:
            raise ValueError("The workbook is complete; nothing more can be added to it.")

    def _check_whole(self) -> None:
        if self._is_incomplete:
            raise ValueError(
                "A sheet is not complete: tables are written one after the other, and after an error "
                "the workbook cannot be completed."
            )

    def _check_complete(self) -> None:
        self._check_whole()
        if not self._book.sheetnames:
            raise ValueError("A workbook has one sheet at least; none was written.")
        if self._book.epoch != WINDOWS_EPOCH:
            raise ValueError(
                "Dates were written for the calendar from 1900; leave `epoch` as it is."
            )


def _no_progress(_: int) -> None:
    """Nobody asked."""
