"""Sheets: header, split, progress, and what a broken run leaves behind."""

import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import openpyxl
import pytest

from app.workbooks.book import Workbook
from app.workbooks.ordinary import put
from app.workbooks.sheet import INTEGER, Column, Sheet
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


def test_a_header_may_hold_what_a_cell_may_hold(tmp_path: Path) -> None:
    titles = ["=1+1", "a\nb", "\x01", "_x0041_", "Größe 😀", " & <b>", "", "7"]
    write(tmp_path / "a.xlsx", Sheet("Rows", [Column(each) for each in titles]), [range(8)])
    arrive = [*titles[:6], None, "7"]
    assert openpyxl_rows(tmp_path / "a.xlsx", "Rows") == [arrive, list(range(8))]
    assert calamine_rows(tmp_path / "a.xlsx", "Rows")[0] == titles


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
        assert [sheet.column_dimensions[each].width for each in "AB"] == [9.5, 40]
        assert sheet.print_title_rows == "$1:$1"
        assert sheet["A1"].font.b
        assert {cell.number_format for cell in sheet["A"][1:]} <= {INTEGER}
        assert all(cell.alignment.wrap_text for cell in sheet["B"])
        assert len(calamine_rows(path, title)) == count + 1
    lines = [line for title in titles for line in calamine_rows(path, title)[1:]]
    assert lines == [list(each) for each in numbered(rows)]


def test_progress_tells_the_rows_so_far_over_all_sheets() -> None:
    told: list[int] = []
    with BytesIO() as file, Workbook(file) as workbook:
        workbook.write(Sheet("Rows", COLUMNS, max_rows=701), numbered(5000), told.append)
    assert told == sorted(set(told))
    assert told[-1] == 5000
    steps = [after - before for before, after in zip([0, *told], told, strict=False)]
    assert max(steps) <= 1000
    assert {700, 1400, 2100} <= set(told)


@pytest.mark.parametrize("after", [0, 1, 500, 512, 1501])
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
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(target)


def test_an_error_of_the_block_leaves_no_workbook() -> None:
    def break_later(target: BytesIO) -> None:
        with Workbook(target) as workbook:
            workbook.write(Sheet("Rows", COLUMNS), numbered(3))
            raise LookupError("later")

    target = BytesIO()
    with pytest.raises(LookupError, match="later"):
        break_later(target)
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(target)


def test_after_a_broken_table_the_workbook_cannot_be_completed() -> None:
    def ignore_it(target: BytesIO) -> None:
        with Workbook(target) as workbook, suppress(ValueError):
            workbook.write(Sheet("Rows", COLUMNS), [(1,)])

    target = BytesIO()
    with pytest.raises(ValueError, match="cannot be completed"):
        ignore_it(target)
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(target)


def test_a_workbook_without_a_sheet_is_refused() -> None:
    target = BytesIO()
    with pytest.raises(ValueError, match="sheet"), Workbook(target):
        pass
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(target)


def test_a_complete_workbook_takes_nothing_more() -> None:
    target = BytesIO()
    with Workbook(target) as workbook:
        workbook.add_sheet("One")
    before = target.getvalue()
    with pytest.raises(ValueError, match="complete"):
        workbook.write(Sheet("Rows", COLUMNS), numbered(1))
    with pytest.raises(ValueError, match="complete"):
        workbook.add_sheet("Two")
    assert target.getvalue() == before


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


def test_two_workbooks_may_be_written_at_a_time(tmp_path: Path) -> None:
    def rows(other: Workbook) -> Iterator[tuple[int, str]]:
        for row in numbered(1500):
            if row[0] % 500 == 7:
                other.write(Sheet(f"At {row[0]}", COLUMNS[:1]), [(row[0],)] * 3)
            yield row

    with (
        (tmp_path / "a.xlsx").open("wb") as file,
        (tmp_path / "b.xlsx").open("wb") as other_file,
        Workbook(file) as one,
        Workbook(other_file) as other,
    ):
        one.write(Sheet("Rows", COLUMNS), rows(other))
    assert calamine_rows(tmp_path / "a.xlsx", "Rows")[1:] == [list(row) for row in numbered(1500)]
    for number in (7, 507, 1007):
        read = calamine_rows(tmp_path / "b.xlsx", f"At {number}")
        assert read == [["=Number"], *[[number]] * 3]


def test_an_ordinary_sheet_may_be_filled_while_rows_are_written(tmp_path: Path) -> None:
    with (tmp_path / "a.xlsx").open("wb") as file, Workbook(file) as workbook:
        summary = workbook.add_sheet("Summary")

        def rows() -> Iterator[tuple[int, str]]:
            for row in numbered(3):
                put(summary, row[0] + 1, 1, row[1])
                yield row

        workbook.write(Sheet("Rows", COLUMNS), rows())
    assert calamine_rows(tmp_path / "a.xlsx", "Summary") == [["row 0"], ["row 1"], ["row 2"]]


def test_tables_of_one_workbook_are_written_one_after_the_other() -> None:
    def rows(workbook: Workbook) -> Iterator[tuple[int, str]]:
        yield from numbered(600)
        workbook.write(Sheet("Within", COLUMNS), numbered(1))

    with pytest.raises(ValueError, match="cannot be completed"), Workbook(BytesIO()) as workbook:
        workbook.write(Sheet("Rows", COLUMNS), rows(workbook))


def test_a_workbook_may_stand_behind_other_bytes_in_its_file() -> None:
    target = BytesIO()
    target.write(b"before")
    with Workbook(target) as workbook:
        workbook.write(Sheet("Rows", COLUMNS), numbered(10))
    assert target.getvalue().startswith(b"beforePK")
    assert openpyxl.load_workbook(BytesIO(target.getvalue()[6:]))["Rows"].max_row == 11


def test_after_a_sheet_was_removed_another_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with path.open("wb") as file, Workbook(file) as workbook:
        workbook.write(Sheet("First", COLUMNS), numbered(1))
        workbook.write(Sheet("Gone", COLUMNS), numbered(2))
        workbook.openpyxl.remove(workbook.openpyxl["Gone"])
        workbook.write(Sheet("Last", COLUMNS), numbered(3))
    assert openpyxl.load_workbook(path).sheetnames == ["First", "Last"]
    assert len(calamine_rows(path, "Last")) == 4
