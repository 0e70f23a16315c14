"""Cells of ordinary sheets, one by one, by the same rules as those of streamed ones."""

from collections.abc import Sequence
from itertools import zip_longest
from typing import cast

from openpyxl.cell import Cell
from openpyxl.worksheet.worksheet import Worksheet

from app.workbooks.package import set_content
from app.workbooks.styles import format_of, style_header, style_link
from app.workbooks.values import Kind, encode

_DATA_TYPES = {Kind.TEXT: "s", Kind.BOOLEAN: "b"}


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
    if stored is None:
        cell.value = None
        return cell
    kind, content, formula = stored
    if formula:
        set_content(cell, f"={formula}", "f")
    else:
        set_content(cell, content, _DATA_TYPES.get(kind, "n"))
    cell.number_format = format_of(kind, format)
    if kind is Kind.LINK:
        style_link(cell)
    return cell


def put_row(
    worksheet: Worksheet,
    row: int,
    values: Sequence[object],
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
