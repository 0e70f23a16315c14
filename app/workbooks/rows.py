"""Batches of rows into the XML of a worksheet.

A batch is turned into columns, each column into runs of one type (`app.workbooks.columns`). Where a whole
column is one run, its contents are laid between constant markup by slices; where types are mixed or
values missing, cells are put together one by one out of the runs of each type.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import compress, repeat
from typing import Any

from openpyxl.utils import get_column_letter

from app.workbooks.cells import Cells, Styles
from app.workbooks.columns import run_of
from app.workbooks.values import Kind, encode

Watcher = Callable[[Kind, Sequence[str]], None]
"""Is shown the kind and the contents of cells of one column; some may be empty."""

MAX_TEMPLATES = 16
KEPT_CHARACTERS = 500_000
"""Templates let go of the contents of longer batches."""

_NOTHING = type(None)
_Shape = tuple[Kind, bool] | None
"""Kind and spacing of a column that is one run; `None` for one of complete cells."""


class RowRenderer:
    """Renders rows of one sheet.

    Args:
        styles: for each column its style numbers.
        watchers: for some columns, by their index, who wants to see what is written.
    """

    def __init__(
        self, styles: Sequence[Styles], watchers: dict[int, Watcher] | None = None
    ) -> None:
        self._letters = [get_column_letter(number) for number in range(1, len(styles) + 1)]
        self._cells = _shared(styles)
        self._watchers = watchers or {}
        self._templates: dict[tuple[int, tuple[_Shape, ...]], _Template] = {}

    def render(self, first: int, rows: Sequence[Sequence[object]]) -> bytes:
        """The `<row>` elements of consecutive rows, the first of which has the number `first`.

        Args:
            rows: one at least, each with one value a column.
        """
        numbers = list(map(str, range(first, first + len(rows))))
        shapes: list[_Shape] = []
        contents: list[Sequence[str]] = []
        for index, values in enumerate(zip(*rows, strict=True)):
            shape, content = self._column(index, values, numbers)
            shapes.append(shape)
            contents.append(content)
        return self._template(len(rows), tuple(shapes)).fill(numbers, contents).encode("latin-1")

    def _column(
        self, index: int, values: Sequence[object], numbers: Sequence[str]
    ) -> tuple[_Shape, Sequence[str]]:
        kinds = set(map(type, values))
        if len(kinds) == 1:
            (kind,) = kinds
            if kind is _NOTHING:
                return None, [""] * len(values)
            run = run_of(kind, values)
            if run and not run.has_gaps:
                contents = run.contents()
                self._show(index, run.kind, contents)
                return (run.kind, run.spaced), contents
        return None, self._mixed(index, values, kinds, numbers)

    def _mixed(
        self, index: int, values: Sequence[object], kinds: set[type], numbers: Sequence[str]
    ) -> list[str]:
        """Whole cells of a column in which types are mixed or values missing.

        The values of each type make up a run of their own.
        """
        if kinds <= {str, _NOTHING}:
            return self._of_type(index, str, [value or "" for value in values], numbers)
        following: dict[type, Callable[[], str]] = {_NOTHING: repeat("").__next__}
        for kind in kinds - {_NOTHING}:
            mask = [type(value) is kind for value in values]
            chosen = list(compress(values, mask)), list(compress(numbers, mask))
            following[kind] = iter(self._of_type(index, kind, *chosen)).__next__
        if len(following) == 2:
            return ["" if value is None else following[kind]() for value in values]
        return [following[type(value)]() for value in values]

    def _of_type(
        self, index: int, kind: type, values: Sequence[Any], numbers: Sequence[str]
    ) -> list[str]:
        """Whole cells of one type, in the rows of these numbers; an empty text is an empty cell."""
        run = run_of(kind, values)
        if run is None:
            return list(map(partial(self._cell, index), values, numbers))
        if index in self._watchers:
            self._show(index, run.kind, run.contents())
        opening, inside, closing = self._cells[index].markup(run.kind, spaced=run.spaced)
        opening += self._letters[index]
        pairs = zip(numbers, run.contents(), strict=True)
        if run.has_gaps:
            return [
                f"{opening}{number}{inside}{each}{closing}" if each else ""
                for number, each in pairs
            ]
        return [f"{opening}{number}{inside}{each}{closing}" for number, each in pairs]

    def _cell(self, index: int, value: object, number: str) -> str:
        stored = encode(value)
        if stored is None:
            return ""
        self._show(index, stored[0], [stored[1]])
        return self._cells[index].cell(self._letters[index] + number, stored)

    def _show(self, index: int, kind: Kind, contents: Sequence[str]) -> None:
        if watcher := self._watchers.get(index):
            watcher(kind, contents)

    def _template(self, count: int, shapes: tuple[_Shape, ...]) -> "_Template":
        template = self._templates.get((count, shapes))
        if template is None:
            if len(self._templates) >= MAX_TEMPLATES:
                self._templates.clear()
            template = _Template(count, self._parts(shapes))
            self._templates[count, shapes] = template
        return template

    def _parts(self, shapes: Sequence[_Shape]) -> list[str | int]:
        """One row: constant markup, and the indices of what is laid between; -1 for its number."""
        parts: list[str | int] = ['<row r="', -1, '">']
        for index, shape in enumerate(shapes):
            if shape is None:
                parts.append(index)
            else:
                kind, spaced = shape
                opening, inside, closing = self._cells[index].markup(kind, spaced=spaced)
                parts += [opening + self._letters[index], -1, inside, index, closing]
        parts.append("</row>")
        return parts


class _Template:
    """The markup of many rows as one flat list, into which contents are laid by slices."""

    def __init__(self, count: int, parts: Sequence[str | int]) -> None:
        merged = _merged(parts)
        self._width = len(merged)
        self._flat = [""] * (self._width * count)
        self._slots: list[tuple[int, int]] = []
        for place, part in enumerate(merged):
            if isinstance(part, str):
                self._flat[place :: self._width] = [part] * count
            else:
                self._slots.append((place, part))

    def fill(self, numbers: Sequence[str], contents: Sequence[Sequence[str]]) -> str:
        """The rows with these contents of columns."""
        for place, index in self._slots:
            self._flat[place :: self._width] = numbers if index < 0 else contents[index]
        markup = "".join(self._flat)
        if len(markup) > KEPT_CHARACTERS:
            for place, _ in self._slots:
                self._flat[place :: self._width] = [""] * len(numbers)
        return markup


def _merged(parts: Sequence[str | int]) -> list[str | int]:
    """Without constants that are neighbours."""
    merged: list[str | int] = []
    for part in parts:
        last = merged[-1] if merged else None
        if isinstance(part, str) and isinstance(last, str):
            merged[-1] = last + part
        else:
            merged.append(part)
    return merged


def _shared(styles: Sequence[Styles]) -> list[Cells]:
    """The markup of each column's cells; columns with the same styles share it."""
    made: dict[tuple[int, ...], Cells] = {}
    for each in styles:
        if tuple(each) not in made:
            made[tuple(each)] = Cells(each)
    return [made[tuple(each)] for each in styles]
