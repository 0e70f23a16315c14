"""The row of totals below the rows of a table.

Each figure is a formula, so that it follows the filter and later changes, and beside it the value that was
computed while the rows streamed past, for programs that do not compute.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from openpyxl.utils import get_column_letter, quote_sheetname

from app.workbooks.cells import Cells, Styles
from app.workbooks.explicit import MAX_FORMULA
from app.workbooks.lengths import utf16_length
from app.workbooks.rows import Watcher
from app.workbooks.sheet import Column, Total
from app.workbooks.values import Kind, encode

MAX_AREAS = 254
"""Areas that one SUBTOTAL takes."""

_OF_SUMS = {Kind.TIME: Kind.DURATION, Kind.DATE: Kind.NUMBER, Kind.DATETIME: Kind.NUMBER}
_NUMERIC = {Kind.NUMBER, Kind.DATE, Kind.DATETIME, Kind.TIME, Kind.DURATION}


class Area(NamedTuple):
    """Rows of one sheet, without its header: `first` to `last`, from 1."""

    title: str
    first: int
    last: int


class Figure:
    """The total of one column, computed as its cells are written.

    Args:
        total: which one.
    """

    def __init__(self, total: Total) -> None:
        self._total = total
        self._filled = self._count = 0
        self._sum = 0.0
        self._min, self._max = math.inf, -math.inf
        self._is_known = True
        self._kinds: set[Kind] = set()

    def watch(self, kind: Kind, contents: Sequence[str]) -> None:
        """Take in cells; see `app.workbooks.rows.Watcher`."""
        self._filled += sum(map(bool, contents)) if kind is Kind.TEXT else len(contents)
        if kind is Kind.UNKNOWN:
            self._is_known = False
        if kind in _NUMERIC:
            numbers = list(map(float, contents))
            self._kinds.add(kind)
            self._count += len(numbers)
            self._add(numbers)
            self._min, self._max = min(self._min, *numbers), max(self._max, *numbers)

    def _add(self, numbers: Sequence[float]) -> None:
        try:
            self._sum += math.fsum(numbers)
        except OverflowError:
            self._sum = math.nan

    @property
    def kind(self) -> Kind:
        """What the figure is: a date, for example, if it is one of several dates."""
        kind = next(iter(self._kinds)) if len(self._kinds) == 1 else Kind.NUMBER
        if self._total is Total.COUNT:
            return Kind.NUMBER
        return _OF_SUMS.get(kind, kind) if self._total is Total.SUM else kind

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing of which there could be such a figure."""
        needs_numbers = self._total in {Total.AVERAGE, Total.MIN, Total.MAX}
        return needs_numbers and self._is_known and not self._count

    @property
    def value(self) -> float | None:
        """The figure, or `None` where a formula or too large a number makes it unknown."""
        if self._total is Total.COUNT:
            return self._filled
        value = {
            Total.SUM: self._sum,
            Total.AVERAGE: self._sum / max(self._count, 1),
            Total.MIN: self._min,
            Total.MAX: self._max,
        }[self._total]
        return value if self._is_known and math.isfinite(value) else None


class Totals:
    """The row of totals of one table.

    Args:
        columns: of the table.
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = columns
        self._figures = {
            index: Figure(column.total)
            for index, column in enumerate(columns)
            if isinstance(column.total, Total)
        }
        self.watchers: dict[int, Watcher] = {
            index: figure.watch for index, figure in self._figures.items()
        }

    def render(self, row: int, styles: Sequence[Styles], areas: Sequence[Area]) -> bytes:
        """The `<row>` element.

        Args:
            row: its number.
            styles: of its cells.
            areas: the rows of the table; the last one is on the same sheet.
        """
        cells = [
            self._cell(f"{get_column_letter(index + 1)}{row}", index, Cells(styles[index]), areas)
            for index in range(len(self._columns))
        ]
        return f'<row r="{row}">{"".join(cells)}</row>'.encode("latin-1")

    def _cell(self, reference: str, index: int, cells: Cells, areas: Sequence[Area]) -> str:
        """A whole cell, or nothing."""
        total, figure = self._columns[index].total, self._figures.get(index)
        if figure is None or not isinstance(total, Total):
            stored = encode(total)
            return cells.cell(reference, stored) if stored else ""
        if figure.is_empty:
            return ""
        value = "" if figure.value is None else repr(figure.value)
        if formula := _formula(total, get_column_letter(index + 1), areas):
            return cells.formula(reference, figure.kind, formula, value)
        return cells.cell(reference, (figure.kind, value, "")) if value else ""


def _formula(total: Total, letter: str, areas: Sequence[Area]) -> str:
    """The formula, or nothing where none can name all areas."""
    if not areas or len(areas) > MAX_AREAS:
        return ""
    references = [
        f"{quote_sheetname(area.title)}!{letter}{area.first}:{letter}{area.last}"
        for area in areas[:-1]
    ]
    references.append(f"{letter}{areas[-1].first}:{letter}{areas[-1].last}")
    formula = f"SUBTOTAL({total.value},{','.join(references)})"
    return formula if utf16_length(formula) <= MAX_FORMULA else ""
