"""Sheets: header, split, titles, errors, and what a broken run leaves behind."""

import tempfile
import tracemalloc
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import openpyxl
import pytest

from app.workbooks.book import BATCH_ROWS, Workbook, put
from app.workbooks.sheet import (
    INTEGER,
    MAX_COLUMNS,
    MAX_ROWS,
    Column,
    Sheet,
    continued_title,
    utf16_length,
)
from tests.workbooks.reading import calamine_rows, openpyxl_rows, write

COLUMNS = [Column("=Number", 9.5, INTEGER), Column("Text & more", 40, wrap=True)]


def numbered(count: int) -> Iterator[tuple[int, str]]:
    return ((number, f"row {number}") for number in range(count))


def test_rows_stand_under_a_header_in_their_order(tmp_path: Path) -> None:
    written = write(tmp_path / "a.xlsx", Sheet("Rows", COLUMNS), numbered(1234))
    assert (written.rows, written.titles) == (1234, ("Rows",))
    expected = [["=Number", "Text & more"], *([n, text] for n, text in numbered(1234))]
    assert calamine_rows(tmp_path / "a.xlsx", "Rows") == expected
    assert openpyxl_rows(tmp_path / "a.xlsx", "Rows") == expected


def test_the_header_is_styled_frozen_and_filtered_and_columns_have_their_widths(
    tmp_path: Path,
) -> None:
    write(tmp_path / "a.xlsx", Sheet("Rows", COLUMNS), numbered(5))
    sheet = openpyxl.load_workbook(tmp_path / "a.xlsx")["Rows"]
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("A2", "A1:B6")
    assert [sheet.column_dimensions[each].width for each in "AB"] == [9.5, 40]
    assert all(cell.font.b and cell.fill.fgColor.rgb == "001F4E79" for cell in sheet[1])
    assert sheet["A2"].number_format == INTEGER
    assert sheet["B2"].alignment.wrap_text
    assert sheet.print_title_rows == "$1:$1"


def test_freeze_and_filter_can_be_left_out(tmp_path: Path) -> None:
    plain = Sheet("Rows", COLUMNS, freeze=False, filter=False)
    write(tmp_path / "a.xlsx", plain, numbered(5))
    sheet = openpyxl.load_workbook(tmp_path / "a.xlsx")["Rows"]
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == (None, None)


@pytest.mark.parametrize(
    ("rows", "counts"), [(0, [0]), (1, [1]), (9, [9]), (10, [9, 1]), (18, [9, 9]), (19, [9, 9, 1])]
)
def test_rows_past_the_limit_go_on_in_sheets_that_look_the_same(
    rows: int, counts: list[int], tmp_path: Path
) -> None:
    path = tmp_path / "a.xlsx"
    written = write(path, Sheet("Rows", COLUMNS, max_rows=10), numbered(rows))
    titles = ["Rows", "Rows (2)", "Rows (3)"][: len(counts)]
    assert (written.rows, list(written.titles)) == (rows, titles)
    book = openpyxl.load_workbook(path)
    assert book.sheetnames == titles
    for title, count in zip(titles, counts, strict=True):
        sheet = book[title]
        assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("A2", f"A1:B{count + 1}")
        assert sheet.column_dimensions["B"].width == 40
        assert sheet["A1"].font.b
        assert len(calamine_rows(path, title)) == count + 1
    lines = [line for title in titles for line in calamine_rows(path, title)[1:]]
    assert lines == [list(each) for each in numbered(rows)]


def test_a_title_that_goes_on_stays_short_enough_for_excel() -> None:
    assert continued_title("x" * 31, 2) == "x" * 27 + " (2)"
    assert continued_title("Rows", 1000) == "Rows (1000)"
    assert utf16_length(continued_title("😀" * 15, 12)) <= 31


@pytest.mark.parametrize(
    "title",
    ["", " ", "x" * 32, "😀" * 16, "a/b", "a:b", "[a]", "a?", "'a", "a'", "History", "a\x00"],
)
def test_a_title_that_excel_refuses_is_refused(title: str) -> None:
    with pytest.raises(ValueError, match="title"):
        Sheet(title, COLUMNS)
    with BytesIO() as file, Workbook(file) as workbook:
        workbook.add_sheet("Good")
        with pytest.raises(ValueError, match="title"):
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


@pytest.mark.parametrize("max_rows", [1, 0, MAX_ROWS + 1])
def test_a_sheet_has_as_many_rows_as_excel_allows(max_rows: int) -> None:
    with pytest.raises(ValueError, match="max_rows"):
        Sheet("A", COLUMNS, max_rows=max_rows)


def test_the_widest_sheet_can_be_written(tmp_path: Path) -> None:
    columns = [Column(str(number)) for number in range(MAX_COLUMNS)]
    write(tmp_path / "a.xlsx", Sheet("Wide", columns), [range(MAX_COLUMNS)])
    rows = calamine_rows(tmp_path / "a.xlsx", "Wide")
    assert rows[1] == list(range(MAX_COLUMNS))


@pytest.mark.parametrize("bad", [(1,), (1, "a", 2), ()])
def test_a_row_of_the_wrong_length_is_named(bad: tuple[object, ...], tmp_path: Path) -> None:
    rows = [*numbered(BATCH_ROWS + 7), bad, *numbered(3)]
    with pytest.raises(ValueError, match=rf"^Row 508 of 'Rows' has {len(bad)} values, but .* 2 "):
        write(tmp_path / "a.xlsx", Sheet("Rows", COLUMNS), rows)


def test_progress_tells_the_rows_so_far_over_all_sheets() -> None:
    told: list[int] = []
    with BytesIO() as file, Workbook(file) as workbook:
        sheet = Sheet("Rows", COLUMNS, max_rows=701)
        workbook.write(sheet, numbered(1500), told.append)
    assert told == [500, 700, 1200, 1400, 1500]


@pytest.mark.parametrize("after", [0, 1, BATCH_ROWS, 3 * BATCH_ROWS + 1])
def test_an_error_passes_through_and_no_other_file_is_touched(
    after: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def breaking() -> Iterator[tuple[int, str]]:
        yield from numbered(after)
        raise LookupError("the database went away")

    target = BytesIO()
    with pytest.raises(LookupError, match="went away"), Workbook(target) as workbook:
        workbook.write(Sheet("Rows", COLUMNS), breaking())
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(KeyError):
        zipfile.ZipFile(target).getinfo("xl/workbook.xml")


def test_a_whole_workbook_needs_no_temporary_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    target = BytesIO()
    with Workbook(target, title="A & B\x00", creator="C") as workbook:
        workbook.write(Sheet("Rows", COLUMNS), numbered(10))
        put(workbook.add_sheet("Summary", active=True), 1, 1, "=text")
        workbook.write(Sheet("More", COLUMNS), numbered(20))
    book = openpyxl.load_workbook(target)
    assert book.sheetnames == ["Rows", "Summary", "More"]
    assert [book[title].max_row for title in book.sheetnames] == [11, 1, 21]
    assert book.active is book["Summary"]
    assert book["Summary"]["A1"].data_type == "s"
    assert (book.properties.title, book.properties.creator) == ("A & B\ufffd", "C")


def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    def peak(rows: int) -> int:
        tracemalloc.start()
        write(tmp_path / f"{rows}.xlsx", Sheet("Rows", COLUMNS), numbered(rows))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(1000)  # what is made once
    assert peak(20_000) < peak(2000) + 500_000
