"""Reads an `excel_test` workbook back with another library and compares every value.

For 1,000,000 rows this takes about 20 seconds and 900 MB: calamine holds a whole sheet.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import date, time
from itertools import islice
from pathlib import Path
from typing import Any

from python_calamine import CalamineWorkbook

from app.job_types.excel_test import CITIES, COLUMNS, Row, make_row
from app.workbooks.sheet import MAX_ROWS

HEADER = [column.title for column in COLUMNS]
PAID = HEADER.index("Paid")


class Sums:
    """Totals over rows in whole cents, made without the code under test."""

    def __init__(self) -> None:
        self.rows = self.quantity = self.cents = self.paid = 0
        self.first, self.last = date.max, date.min
        self.city_rows: Counter[str] = Counter()
        self.city_cents: Counter[str] = Counter()

    def add(self, row: Row) -> None:
        cents = int(row.amount * 100)
        self.rows += 1
        self.quantity += row.quantity
        self.cents += cents
        self.paid += row.paid
        self.first, self.last = min(self.first, row.ordered), max(self.last, row.ordered)
        self.city_rows[row.city] += 1
        self.city_cents[row.city] += cents

    def as_summary(self) -> list[list[Any]]:
        """The summary sheet as calamine reads it: three columns, empty cells as ''."""
        cities = [[each, self.city_rows[each], self.city_cents[each] / 100] for each in CITIES]
        return [
            ["Total", "Value", ""],
            ["Rows", self.rows, ""],
            ["Quantity", self.quantity, ""],
            ["Amount", self.cents / 100, ""],
            ["Paid", self.paid, ""],
            ["First ordered", self.first, ""],
            ["Last ordered", self.last, ""],
            ["", "", ""],
            ["City", "Rows", "Amount"],
            *cities,
        ]


def expected_rows(count: int, seed: int = 1) -> Iterator[Row]:
    """The rows that a workbook of `count` rows must have."""
    return (make_row(index, seed) for index in range(count))


def check_workbook(path: Path, rows: int, *, seed: int = 1, sheet_rows: int = MAX_ROWS) -> None:
    """Compare every value of a workbook, and its summary, with what they must be.

    Args:
        sheet_rows: rows of one sheet, the header included.

    Raises:
        AssertionError: naming the first row that differs.
    """
    with CalamineWorkbook.from_path(path) as workbook:
        *tables, summary = workbook.sheet_names
        per_sheet = sheet_rows - 1
        more = range(2, -(-rows // per_sheet) + 1)
        assert tables == ["Rows", *(f"Rows ({number})" for number in more)], tables
        expected, sums = expected_rows(rows, seed), Sums()
        for title in tables:
            _check_table(workbook, title, islice(expected, per_sheet), sums)
        found = workbook.get_sheet_by_name(summary).to_python()
        assert (summary, found) == ("Summary", sums.as_summary()), found


def _check_table(
    workbook: CalamineWorkbook, title: str, expected: Iterator[Row], sums: Sums
) -> None:
    found = workbook.get_sheet_by_name(title).iter_rows()
    assert next(found) == HEADER, f"the header of {title}"
    for row in expected:
        line = next(found, None)
        # 1.0 equals True, hence the second comparison.
        if line != _as_read(row) or line[PAID] is not row.paid:
            raise AssertionError(f"{title}: {line} should be {row}")
        sums.add(row)
    assert next(found, None) is None, f"{title} has more rows than it should"


def _as_read(row: Row) -> list[Any]:
    """The row as calamine reads it: every number a float, every midnight a date."""
    at_midnight = row.updated.time() == time.min
    return [
        row.order,
        row.quantity,
        float(row.unit_price),
        row.discount,
        float(row.amount),
        row.ordered,
        row.updated.date() if at_midnight else row.updated,
        *row[7:],
    ]
