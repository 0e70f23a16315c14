"""Titles of sheets and the limits of sheets: what Excel refuses, and what is taken."""

from io import BytesIO
from pathlib import Path

import openpyxl
import pytest

from app.workbooks.book import Workbook
from app.workbooks.lengths import utf16_length
from app.workbooks.sheet import MAX_COLUMNS, MAX_ROWS, Column, Sheet, Total, continued_title
from tests.workbooks.reading import calamine_rows

COLUMNS = [Column("A")]


def written_titles(sheet: Sheet, rows: int, taken: list[str]) -> tuple[str, ...]:
    """The titles of a table that comes after sheets of other titles."""
    target = BytesIO()
    with Workbook(target) as workbook:
        for title in taken:
            workbook.add_sheet(title)
        titles = workbook.write(sheet, [(number,) for number in range(rows)]).titles
    assert openpyxl.load_workbook(target).sheetnames == [*taken, *titles]
    return titles


def test_a_title_that_goes_on_stays_short_enough_for_excel() -> None:
    assert continued_title("x" * 31, 2) == "x" * 27 + " (2)"
    assert continued_title("Rows", 1000) == "Rows (1000)"
    assert utf16_length(continued_title("😀" * 15, 12)) <= 31


@pytest.mark.parametrize(
    ("taken", "titles"),
    [
        ([], ("Rows", "Rows (2)", "Rows (3)")),
        (["Rows (2)"], ("Rows", "Rows (3)", "Rows (4)")),
        (["ROWS (2)", "rows (4)"], ("Rows", "Rows (3)", "Rows (5)")),
        (["Rows (3)"], ("Rows", "Rows (2)", "Rows (4)")),
    ],
)
def test_a_table_that_goes_on_takes_titles_that_are_free(
    taken: list[str], titles: tuple[str, ...]
) -> None:
    assert written_titles(Sheet("Rows", COLUMNS, max_rows=3), 5, taken) == titles


def test_tables_of_one_long_beginning_can_both_go_on(tmp_path: Path) -> None:
    target = tmp_path / "a.xlsx"
    beginning = "A very long title of a sheet "
    with target.open("wb") as file, Workbook(file) as workbook:
        titles = [
            workbook.write(Sheet(beginning + end, COLUMNS, max_rows=2), [(end,), (end,)]).titles
            for end in "ab"
        ]
    (one, one_more), (other, other_more) = titles
    assert len({one, one_more, other, other_more}) == 4
    assert max(map(len, (one_more, other_more))) <= 31
    assert [calamine_rows(target, each)[1] for each in (one_more, other_more)] == [["a"], ["b"]]


def test_a_title_cut_between_two_halves_of_a_character_keeps_it_whole() -> None:
    title = "😀" * 15
    (first, second) = written_titles(Sheet(title, COLUMNS, max_rows=2), 2, [])
    assert first == title
    assert second == "😀" * 13 + " (2)"


@pytest.mark.parametrize(
    "title",
    [
        "a",
        "x" * 31,
        "😀" * 15,
        "Größe",
        "It's",
        "a & b",
        "<b>",
        '"q"',
        " a ",
        "#1",
        "1",
        "A1",
        "R1C1",
    ],
)
def test_a_title_that_excel_takes_arrives(title: str) -> None:
    assert written_titles(Sheet(title, COLUMNS), 1, []) == (title,)


@pytest.mark.parametrize(
    "title",
    [
        *["", " ", "x" * 32, "😀" * 16, "a/b", "a:b", "[a]", "a?", "a*", "a\\b", "'a", "a'"],
        *["History", "HISTORY", "a\x00", "a\nb", "\ud800", "\uffff"],
    ],
    ids=ascii,
)
def test_a_title_that_excel_refuses_is_refused(title: str) -> None:
    with pytest.raises(ValueError, match=r"(?i)title"):
        Sheet(title, COLUMNS)
    with BytesIO() as file, Workbook(file) as workbook:
        workbook.add_sheet("Good")
        with pytest.raises(ValueError, match=r"(?i)title"):
            workbook.add_sheet(title)


def test_a_title_that_is_taken_is_refused_whatever_its_case() -> None:
    with BytesIO() as file, Workbook(file) as workbook:
        workbook.write(Sheet("Rows", COLUMNS), [])
        for again in ("Rows", "ROWS"):
            with pytest.raises(ValueError, match="already"):
                workbook.write(Sheet(again, COLUMNS), [])
            with pytest.raises(ValueError, match="already"):
                workbook.add_sheet(again)


@pytest.mark.parametrize("width", [0, -1, 256, float("nan")])
def test_a_width_that_excel_refuses_is_refused(width: float) -> None:
    with pytest.raises(ValueError, match="width"):
        Column("A", width)


@pytest.mark.parametrize("columns", [0, MAX_COLUMNS + 1])
def test_a_sheet_has_as_many_columns_as_excel_allows(columns: int) -> None:
    with pytest.raises(ValueError, match="columns"):
        Sheet("A", [Column("x")] * columns)


@pytest.mark.parametrize("max_rows", [1, 0, -5, MAX_ROWS + 1])
def test_a_sheet_has_as_many_rows_as_excel_allows(max_rows: int) -> None:
    with pytest.raises(ValueError, match="max_rows"):
        Sheet("A", COLUMNS, max_rows=max_rows)


def test_a_row_of_totals_needs_its_place() -> None:
    with pytest.raises(ValueError, match="max_rows"):
        Sheet("A", [Column("x", total=Total.SUM)], max_rows=2)
