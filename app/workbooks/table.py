"""One table on its way into worksheets: header, batches of rows, totals, and the split."""

from collections.abc import Callable, Iterable, Sequence
from itertools import islice

from openpyxl.utils import get_column_letter

from app.workbooks.archive import Archive, Part
from app.workbooks.package import AnySheet, part_of, render_frame
from app.workbooks.rows import RowRenderer
from app.workbooks.sheet import Sheet, Written
from app.workbooks.styles import (
    column_styles,
    header_styles,
    print_on_page_width,
    total_styles,
)
from app.workbooks.totals import Area, Totals

BATCH_ROWS = 500
BATCH_CELLS = 50_000
"""Wide rows come in smaller batches."""
BATCH_CHARACTERS = 500_000
"""So do long texts: five hundred rows of the longest would take hundreds of megabytes."""
SLICE, STRIDE = 16, 5
"""Of so many rows, each fifth is looked at for long texts: a stride that no pattern of tables has."""

Row = Sequence[object]
Progress = Callable[[int], None]


class Table:
    """The rows of one `Sheet` on their way into one worksheet or several.

    Args:
        add: makes a worksheet, the n-th of the table, and tells its title by it.
        archive: into which the worksheets are written.
        sheet: what they look like.
        progress: is told the number of rows so far, after each batch.
    """

    def __init__(
        self,
        add: Callable[[Sheet, int], AnySheet],
        archive: Archive,
        sheet: Sheet,
        progress: Progress,
    ) -> None:
        self._add, self._archive = add, archive
        self._sheet, self._progress = sheet, progress
        self._totals = Totals(sheet.columns)
        self._rows = 0

    def write(self, rows: Iterable[Row]) -> Written:
        """Write all rows. Raises what `app.workbooks.book.Workbook.write` does."""
        rest = _Ahead(rows)
        areas: list[Area] = []
        titles: list[str] = []
        while not titles or not rest.is_over:
            worksheet = self._add(self._sheet, len(titles) + 1)
            _lay_out(worksheet, self._sheet)
            titles.append(worksheet.title)
            self._write_worksheet(worksheet, rest, areas)
        return Written(self._rows, tuple(titles))

    def _write_worksheet(self, worksheet: AnySheet, rest: "_Ahead", areas: list[Area]) -> None:
        """Write as many rows as one worksheet may have, and the totals under the last ones."""
        sheet = self._sheet
        with self._archive.open(part_of(worksheet)) as part:
            part.write(render_frame(worksheet)[0])
            part.write(_header(worksheet, sheet))
            last = self._write_rows(worksheet, part, rest)
            if last > 1:
                areas.append(Area(worksheet.title, 2, last))
            if sheet.has_totals and rest.is_over:
                styles = total_styles(worksheet, sheet.columns)
                part.write(self._totals.render(last + 1, styles, areas))
            if sheet.filter and not worksheet.tables:  # which have a filter of their own
                letter = get_column_letter(len(sheet.columns))
                worksheet.auto_filter.ref = f"A1:{letter}{last}"
            part.write(render_frame(worksheet)[1])

    def _write_rows(self, worksheet: AnySheet, part: Part, rest: "_Ahead") -> int:
        """Write rows under the header; the number of the last one comes back."""
        styles = column_styles(worksheet, self._sheet.columns)
        renderer = RowRenderer(styles, self._totals.watchers)
        room = self._sheet.max_rows - 1 - self._sheet.has_totals
        most = max(1, min(BATCH_ROWS, BATCH_CELLS // len(self._sheet.columns)))
        last = 1
        while batch := rest.take(min(most, room)):
            self._check_lengths(batch)
            part.write(renderer.render(last + 1, batch))
            last += len(batch)
            room -= len(batch)
            self._rows += len(batch)
            self._progress(self._rows)
        return last

    def _check_lengths(self, batch: list[Row]) -> None:
        expected = len(self._sheet.columns)
        if set(map(len, batch)) == {expected}:
            return
        for number, row in enumerate(batch, self._rows + 1):
            if len(row) != expected:
                raise ValueError(
                    f"Row {number:,} of {self._sheet.title!r} has {len(row)} values, "
                    f"but there are {expected} columns."
                )


class _Ahead:
    """Rows, taken in batches, of which is known whether there are more."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows = iter(rows)
        self._next = list(islice(self._rows, 1))

    @property
    def is_over(self) -> bool:
        return not self._next

    def take(self, count: int) -> list[Row]:
        """At most `count` rows, and fewer if they are long."""
        batch: list[Row] = []
        characters = 0
        while self._next and len(batch) < count and characters < BATCH_CHARACTERS:
            before, room = len(batch), min(SLICE, count - len(batch))
            batch += self._next
            batch += islice(self._rows, room - 1)
            self._next = list(islice(self._rows, 1))
            characters += SLICE * max(map(_characters, batch[before::STRIDE]))
        return batch


def _characters(row: Row) -> int:
    return sum([len(value) for value in row if isinstance(value, str | bytes | bytearray)])


def _lay_out(worksheet: AnySheet, sheet: Sheet) -> None:
    if sheet.freeze:
        worksheet.freeze_panes = "A2"
    print_on_page_width(worksheet)
    worksheet.print_title_rows = "1:1"
    for number, column in enumerate(sheet.columns, 1):
        worksheet.column_dimensions[get_column_letter(number)].width = column.width
    if sheet.prepare is not None:
        sheet.prepare(worksheet)


def _header(worksheet: AnySheet, sheet: Sheet) -> bytes:
    renderer = RowRenderer([header_styles(worksheet)] * len(sheet.columns))
    return renderer.render(1, [[column.title for column in sheet.columns]])
