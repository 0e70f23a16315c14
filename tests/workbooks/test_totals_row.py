"""Where the row of totals stands, what it looks like, and what else it may hold."""

from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from app.workbooks.sheet import DATE, INTEGER, MONEY, Column, Sheet, Total
from tests.workbooks.reading import write

COLUMNS = [Column("Name", total="Total"), Column("Amount", format=MONEY, total=Total.SUM)]


def sheets(path: Path, sheet: Sheet, rows: int) -> list[Any]:
    """The worksheets of a table with a name and a number in each row."""
    titles = write(path, sheet, ((f"n{number}", number) for number in range(rows))).titles
    book = openpyxl.load_workbook(path)
    return [book[title] for title in titles]


@pytest.mark.parametrize(
    ("max_rows", "rows"),
    [
        *[(3, 0), (3, 1), (3, 2), (3, 7), (4, 1), (4, 2), (4, 3), (4, 4), (4, 5), (10, 8), (10, 9)],
        *[(600, 500), (600, 597), (600, 598), (600, 599), (600, 1196), (600, 1197), (501, 1300)],
    ],
)
def test_only_the_last_sheet_has_totals_and_none_has_too_many_rows(
    rows: int, max_rows: int, tmp_path: Path
) -> None:
    *full, last = sheets(tmp_path / "a.xlsx", Sheet("T", COLUMNS, max_rows=max_rows), rows)
    assert all(each.max_row <= max_rows for each in [*full, last])
    assert [each["A"][-1].value for each in full].count("Total") == 0
    assert last["A"][-1].value == "Total"
    counts = [each.max_row - 1 for each in full] + [last.max_row - 2]
    assert sum(counts) == rows
    # A sheet for nothing but the totals would be a puzzle.
    assert rows == 0 or all(counts)


@pytest.mark.parametrize("rows", [0, 1, 9])
def test_the_filter_leaves_the_totals_out(rows: int, tmp_path: Path) -> None:
    (sheet,) = sheets(tmp_path / "a.xlsx", Sheet("T", COLUMNS), rows)
    assert sheet.auto_filter.ref == f"A1:B{rows + 1}"
    assert sheet.max_row == rows + 2


def test_totals_are_bold_and_have_the_format_of_their_column(tmp_path: Path) -> None:
    (sheet,) = sheets(tmp_path / "a.xlsx", Sheet("T", COLUMNS), 3)
    label, amount = sheet[5]
    assert label.font.b
    assert amount.font.b
    assert amount.border.top.style
    assert amount.number_format == MONEY
    assert not sheet["B4"].font.b


def test_a_count_of_dates_is_no_date_and_the_last_of_them_is_one(tmp_path: Path) -> None:
    columns = [Column("A", format=DATE, total=total) for total in (Total.COUNT, Total.MAX)]
    write(tmp_path / "a.xlsx", Sheet("T", columns), [(date(2024, 1, day),) * 2 for day in (1, 2)])
    count, last = openpyxl.load_workbook(tmp_path / "a.xlsx")["T"][4]
    assert count.number_format in {INTEGER, "General", "0"}
    assert last.number_format == DATE


@pytest.mark.parametrize("label", ["Total", "=1+1", "a\x01b", "Größe 😀", " spaced ", "<&>"])
def test_a_label_may_be_any_text_and_stays_one(label: str, tmp_path: Path) -> None:
    sheet = Sheet("T", [Column("A", total=label)])
    write(tmp_path / "a.xlsx", sheet, [("x",)])
    cell = openpyxl.load_workbook(tmp_path / "a.xlsx")["T"]["A3"]
    assert cell.data_type == "s"
    assert cell.value == label.replace("\x01", "_x0001_")


def test_columns_without_a_total_stay_empty_below(tmp_path: Path) -> None:
    columns = [Column("A"), Column("B", total=Total.SUM), Column("C")]
    write(tmp_path / "a.xlsx", Sheet("T", columns), [(1, 2, 3), (4, 5, 6)])
    (row,) = openpyxl.load_workbook(tmp_path / "a.xlsx")["T"].iter_rows(min_row=4, values_only=True)
    assert row[0] is None
    assert row[1] == "=SUBTOTAL(109,B2:B3)"
    assert row[2:] in {(None,), ()}


def test_without_any_total_there_is_no_such_row(tmp_path: Path) -> None:
    (sheet,) = sheets(tmp_path / "a.xlsx", Sheet("T", [Column("A"), Column("B")]), 3)
    assert sheet.max_row == 4
