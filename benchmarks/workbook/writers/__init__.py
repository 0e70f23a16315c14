"""One module a library: `write(path, table, rows)`, and whether it wants dictionaries.

Each does its work the quickest way that its own documentation shows, one row after the other, and the same
work: a bold header that stays in view, a filter, the widths and number formats of the columns.
"""

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast

from benchmarks.workbook.rows import Table

SHEET = "Rows"
MODULES = {
    "ringback": "ringback",
    "openpyxl": "openpyxl_write_only",
    "xlsxwriter": "xlsxwriter_constant_memory",
    "rustpy-xlsxwriter": "rustpy",
    "reading": "reading",
}
"""Key of the contender -> the module here."""


class Writer(Protocol):
    """What each module here has."""

    MAPPINGS: bool

    def write(self, path: Path, table: Table, rows: Iterable[Any]) -> None:
        """Write a file."""
        ...


def load(key: str) -> Writer:
    """The module of a contender; its library is imported only now."""
    return cast(Writer, import_module(f"{__name__}.{MODULES[key]}"))
