"""What a streamed sheet looks like: its title, columns, number formats and limits."""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from app.workbooks.lengths import utf16_length

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

MAX_ROWS = 1_048_576
"""Rows of one Excel sheet, the header included."""
MAX_COLUMNS = 16_384
MAX_WIDTH = 255
MAX_TITLE = 31

INTEGER = "#,##0"
DECIMAL = "#,##0.00"
MONEY = "#,##0.00;[Red]-#,##0.00"
PERCENT = "0.0%"
DATE = "yyyy-mm-dd"
DATETIME = "yyyy-mm-dd hh:mm:ss"
TIME = "hh:mm:ss"
DURATION = "[h]:mm:ss"
BOOLEAN = '"TRUE";"TRUE";"FALSE"'
"""Excel shows booleans as words in any format; LibreOffice needs this one."""

_REFUSED_IN_TITLES = re.compile(r"[\[\]:*?/\\\x00-\x1f\ud800-\udfff\ufffe\uffff]")


class Total(Enum):
    """What a row of totals says of a column; the number is that of Excel's function SUBTOTAL."""

    SUM = 109
    AVERAGE = 101
    COUNT = 103
    """Of the cells that are not empty."""
    MIN = 105
    MAX = 104


@dataclass(frozen=True)
class Column:
    """One column of a sheet.

    Attributes:
        title: the text of its header cell.
        width: in characters of the default font, up to 255.
        format: Excel's number format for the values that it fits: a date format for dates and
            times, any other for numbers. Other values, and all of them without a format, are shown
            as suits their type.
        wrap: whether long text is broken into lines inside its cell.
        total: what stands in the row of totals below the rows: a figure, or a text such as "Total".
            There is such a row if any column has one. Numbers and dates count; the figures follow
            the filter.
        style: name of a style of openpyxl (`Workbook.openpyxl.add_named_style`) for its cells.

    Raises:
        ValueError: the width is none that Excel knows.
    """

    title: str
    width: float = 12
    format: str | None = None
    wrap: bool = False
    total: Total | str | None = None
    style: str | None = None

    def __post_init__(self) -> None:
        if not 0 < self.width <= MAX_WIDTH:
            raise ValueError(f"Column {self.title!r}: the width must be from 0 to {MAX_WIDTH}.")


@dataclass(frozen=True)
class Sheet:
    """A sheet of rows under a header.

    Attributes:
        title: its tab. Rows past `max_rows` go on in sheets "title (2)", "title (3)" …
        columns: 1 to 16,384.
        freeze: whether the header stays in view.
        filter: whether the header offers filters.
        max_rows: rows of one sheet, the header included; Excel's limit unless told otherwise.
        prepare: is called with openpyxl's object for each sheet, before its rows are written: for
            conditional formats, validation, print settings, charts.

    Raises:
        ValueError: the title or a number is none that Excel knows.
    """

    title: str
    columns: Sequence[Column]
    freeze: bool = True
    filter: bool = True
    max_rows: int = MAX_ROWS
    prepare: Callable[[Any], None] | None = None

    def __post_init__(self) -> None:
        check_title(self.title)
        if not 1 <= len(self.columns) <= MAX_COLUMNS:
            raise ValueError(f"Sheet {self.title!r}: 1 to {MAX_COLUMNS:,} columns are possible.")
        least = 2 + self.has_totals
        if not least <= self.max_rows <= MAX_ROWS:
            raise ValueError(
                f"Sheet {self.title!r}: max_rows must be from {least} to {MAX_ROWS:,}."
            )

    @property
    def has_totals(self) -> bool:
        """Whether a row of totals stands below the rows."""
        return any(column.total is not None for column in self.columns)


@dataclass(frozen=True)
class Written:
    """What came of a sheet.

    Attributes:
        rows: how many, without headers.
        titles: of the sheets that hold them, in order; one at least.
    """

    rows: int
    titles: tuple[str, ...]


def check_title(title: str) -> None:
    """Refuse what Excel refuses as the title of a sheet.

    Raises:
        ValueError: naming what is wrong.
    """
    if not title.strip() or utf16_length(title) > MAX_TITLE:
        raise ValueError(f"A sheet's title has 1 to {MAX_TITLE} characters, not: {title!r}")
    if _REFUSED_IN_TITLES.search(title) or "'" in {title[0], title[-1]}:
        raise ValueError(
            rf"A sheet's title has none of [ ] : * ? / \ in it and no ' at its ends: {title!r}"
        )
    if title.casefold() == "history":
        raise ValueError("Excel keeps the title History for itself.")


def continued_title(title: str, number: int, taken: Collection[str] = ()) -> str:
    """The title of the `number`-th sheet of one table, short enough for Excel.

    Args:
        taken: titles in lower case (`str.casefold`) to stay clear of, by the next number that does.
    """
    while True:
        suffix = f" ({number})"
        short = title
        while utf16_length(short + suffix) > MAX_TITLE:
            short = short[:-1]
        if (short + suffix).casefold() not in taken:
            return short + suffix
        number += 1
