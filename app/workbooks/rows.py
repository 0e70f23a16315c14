"""Batches of rows into the XML of a worksheet.

A batch is turned into columns, each column into runs of one type (`app.workbooks.columns`). Where a whole
column is one run, its contents are laid between constant markup by slices; where types are mixed or
values missing, cells are put together one by one out of the runs of each type.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import repeat
from typing import Any

from openpyxl.utils import get_column_letter

from app.workbooks.cells import Styles, Wrappings
from app.workbooks.columns import run_of
from app.workbooks.values import Kind, encode

Watcher = Callable[[Kind, Sequence[str]], None]
"""Is shown the kind and the contents of cells of one column, as markup; some may be empty."""

MAX_TEMPLATES = 16

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
        self._openings = [
            f'<c r="{get_column_letter(number)}' for number in range(1, len(styles) + 1)
        ]
        self._wrappings = _shared(styles)
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
        return None, self._cells(index, values, kinds, numbers)

    def _cells(
        self, index: int, values: Sequence[object], kinds: set[type], numbers: Sequence[str]
    ) -> list[str]:
        """Complete cells of a column in which types are mixed or values missing."""
        opening = self._openings[index]
        if kinds <= {str, _NOTHING}:
            endings: Iterable[str] = self._endings(index, str, [value or "" for value in values])
        elif len(kinds) == 2 and _NOTHING in kinds:
            (kind,) = kinds - {_NOTHING}
            present = [value for value in values if value is not None]
            following = iter(self._endings(index, kind, present)).__next__
            endings = ["" if value is None else following() for value in values]
        else:
            endings = self._mixed_endings(index, values, kinds)
        return [
            f"{opening}{number}{ending}" if ending else ""
            for number, ending in zip(numbers, endings, strict=True)
        ]

    def _mixed_endings(
        self, index: int, values: Sequence[object], kinds: set[type]
    ) -> Iterable[str]:
        """Each cell from behind its reference on; the values of each type make up a run."""
        following: dict[type, Callable[[], str]] = {_NOTHING: repeat("").__next__}
        for kind in kinds - {_NOTHING}:
            of_kind = [value for value in values if type(value) is kind]
            following[kind] = iter(self._endings(index, kind, of_kind)).__next__
        return [following[type(value)]() for value in values]

    def _endings(self, index: int, kind: type, values: Sequence[Any]) -> list[str]:
        """Cells of one type from behind their references on; an empty text is an empty cell."""
        run = run_of(kind, values)
        if run is None:
            return [self._ending(index, value) for value in values]
        if index in self._watchers:
            self._show(index, run.kind, run.contents())
        return run.wrapped(*self._wrappings[index].of(run.kind, spaced=run.spaced))

    def _ending(self, index: int, value: object) -> str:
        stored = encode(value)
        if stored is None:
            return ""
        self._show(index, stored[0], [stored[1]])
        return self._wrappings[index].complete(stored)

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
                before, after = self._wrappings[index].of(kind, spaced=spaced)
                parts += [self._openings[index], -1, before, index, after]
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
        return "".join(self._flat)


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


def _shared(styles: Sequence[Styles]) -> list[Wrappings]:
    """The wrappings of each column; those with the same styles share them."""
    made: dict[tuple[int, ...], Wrappings] = {}
    return [made.setdefault(tuple(each), Wrappings(each)) for each in styles]
