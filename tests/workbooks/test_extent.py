"""The largest sheets that Excel has."""

from pathlib import Path

from python_calamine import CalamineWorkbook

from app.workbooks.sheet import MAX_COLUMNS, MAX_ROWS, Column, Sheet
from tests.workbooks.reading import calamine_rows, write


def test_the_widest_sheet_can_be_written(tmp_path: Path) -> None:
    columns = [Column(str(number)) for number in range(MAX_COLUMNS)]
    rows = [range(MAX_COLUMNS), [f"t{number}" for number in range(MAX_COLUMNS)]]
    write(tmp_path / "a.xlsx", Sheet("Wide", columns), rows)
    header, *read = calamine_rows(tmp_path / "a.xlsx", "Wide")
    assert header == [str(number) for number in range(MAX_COLUMNS)]
    assert read == [list(each) for each in rows]


def test_rows_past_a_million_go_on_in_a_second_sheet(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    count = MAX_ROWS + 1
    written = write(path, Sheet("Rows", [Column("Number")]), ((n,) for n in range(count)))
    assert (written.rows, written.titles) == (count, ("Rows", "Rows (2)"))
    with CalamineWorkbook.from_path(path) as workbook:
        full, rest = (workbook.get_sheet_by_name(each) for each in written.titles)
        assert (full.height, full.width) == (MAX_ROWS, 1)
        rows = full.to_python()
        assert rows[0] == ["Number"]
        assert all(row[0] == number for number, row in enumerate(rows[1:]))
        assert rest.to_python() == [["Number"], [count - 2], [count - 1]]
