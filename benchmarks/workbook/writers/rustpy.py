"""rustpy-xlsxwriter, out of an iterator: its constant-memory mode."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rustpy_xlsxwriter import Format, write_worksheet

from benchmarks.workbook.rows import Table
from benchmarks.workbook.writers import SHEET

MAPPINGS = True


def write(path: Path, table: Table, rows: Iterable[dict[str, Any]]) -> None:
    """Write a file; it takes every value as it is."""
    write_worksheet(
        rows,
        str(path),
        sheet_name=SHEET,
        freeze_row=1,
        autofilter=True,
        header_format=Format().set_bold(),
        column_widths={each.title: each.width for each in table.fields},
        column_formats={
            each.title: Format().set_num_format(each.format) for each in table.fields if each.format
        },
    )
