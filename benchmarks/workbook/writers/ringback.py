"""Ours."""

from collections.abc import Iterable
from pathlib import Path

from app.workbooks.book import Workbook
from app.workbooks.sheet import Column, Sheet
from benchmarks.workbook.rows import Row, Table
from benchmarks.workbook.writers import SHEET

MAPPINGS = False


def write(path: Path, table: Table, rows: Iterable[Row]) -> None:
    """Write a file; every value as it is."""
    columns = [Column(each.title, each.width, each.format) for each in table.fields]
    with path.open("wb") as file, Workbook(file) as workbook:
        workbook.write(Sheet(SHEET, columns), rows)
