"""`excel_test`: every value, the split, the summary and its chart, progress and memory."""

import subprocess
import sys
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from app.errors import InvalidInput
from app.job_types.excel_test import COLUMNS, ExcelTest, ExcelTestParameters, make_row
from app.job_types.registry import JobTypes
from tests.job_types.excel_check import Sums, check_workbook, expected_rows
from tests.job_types.recording import RecordingContext
from tests.workbooks.reading import calamine_rows

ROOT = Path(__file__).resolve().parents[2]

MEMORY_PROGRAM = """
import sys
from pathlib import Path
from app.job_types.excel_test import ExcelTest, ExcelTestParameters
from tests.job_types.recording import RecordingContext

parameters = ExcelTestParameters(rows=int(sys.argv[2]), comment=eval(sys.argv[3]))
ExcelTest().run(RecordingContext(Path(sys.argv[1])), parameters)
# Not getrusage: its peak also counts the parent's memory, from before this program was loaded.
status = Path("/proc/self/status").read_text()
print(status.partition("VmHWM:")[2].split()[0])
"""


class SmallSheets(ExcelTest):
    """The same with little room on a sheet."""

    sheet_rows = 1001


def peak_kilobytes(folder: Path, rows: int, comment: str = "''") -> int:
    """Memory of a process that writes so many rows; the comment is a Python expression."""
    command = [sys.executable, "-c", MEMORY_PROGRAM, str(folder), str(rows), comment]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return int(done.stdout)


def run(
    folder: Path, rows: int, seed: int = 1, job_type: ExcelTest | None = None
) -> tuple[RecordingContext, dict[str, Any]]:
    context = RecordingContext(folder)
    parameters = ExcelTestParameters(rows=rows, seed=seed)
    return context, (job_type or ExcelTest()).run(context, parameters)


@pytest.mark.parametrize(("rows", "seed"), [(1, 1), (2, 0), (500, 1), (3001, 2**32 - 1)])
def test_every_value_is_right_when_read_back_with_another_library(
    rows: int, seed: int, tmp_path: Path
) -> None:
    context, result = run(tmp_path, rows, seed)
    check_workbook(context.path(), rows, seed=seed)
    assert context.path().name == f"excel_test_{rows}_rows.xlsx"
    assert result["rows"] == rows
    assert result["sheets"] == ["Rows", "Summary"]


@pytest.mark.parametrize(("rows", "sheets"), [(1000, 1), (1001, 2), (3500, 4)])
def test_rows_that_one_sheet_cannot_hold_go_on_in_another(
    rows: int, sheets: int, tmp_path: Path
) -> None:
    context, result = run(tmp_path, rows, job_type=SmallSheets())
    check_workbook(context.path(), rows, sheet_rows=SmallSheets.sheet_rows)
    assert len(result["sheets"]) == sheets + 1


def test_the_check_finds_a_wrong_value(tmp_path: Path) -> None:
    context, _ = run(tmp_path, 300, seed=2)
    with pytest.raises(AssertionError, match="should be"):
        check_workbook(context.path(), 300, seed=3)
    with pytest.raises(AssertionError):
        check_workbook(context.path(), 301, seed=2)
    with pytest.raises(AssertionError, match="more rows"):
        check_workbook(context.path(), 299, seed=2)


def test_a_row_is_the_same_in_every_release() -> None:
    row = make_row(0, 1)
    assert row[:9] == (
        1,
        5,
        Decimal("125.77"),
        0.064,
        Decimal("588.60"),
        date(2025, 10, 6),
        datetime(2025, 10, 30, 7, 15, 42),  # noqa: DTZ001
        True,
        "القاهرة",
    )
    assert row.comment.startswith("Paid & packed <twice>; the second box is a gift 🎁. =1+1 ")


def test_the_result_has_the_totals(tmp_path: Path) -> None:
    _, result = run(tmp_path, 700)
    sums = Sums()
    for row in expected_rows(700):
        sums.add(row)
    assert result["totals"] == {
        "quantity": sums.quantity,
        "amount": f"{sums.cents // 100}.{sums.cents % 100:02}",
        "paid": sums.paid,
        "first_ordered": str(sums.first),
        "last_ordered": str(sums.last),
    }


def test_the_columns_are_formatted_and_the_header_is_styled_frozen_and_filtered(
    tmp_path: Path,
) -> None:
    context, _ = run(tmp_path, 20)
    book = openpyxl.load_workbook(context.path())
    sheet = book["Rows"]
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("A2", "A1:J21")
    for number, column in enumerate(COLUMNS, 1):
        head, cell = sheet.cell(1, number), sheet.cell(2, number)
        assert head.font.b
        assert head.fill.fill_type == "solid"
        assert sheet.column_dimensions[head.column_letter].width == column.width
        if column.format is not None:
            assert cell.number_format == column.format
    assert book.properties.title == "Excel test, 20 rows"
    assert book.properties.creator == "Ringback"


def test_the_summary_has_a_native_chart_of_its_own_figures(tmp_path: Path) -> None:
    context, _ = run(tmp_path, 50)
    book = openpyxl.load_workbook(context.path())
    summary = book["Summary"]
    assert book.active is summary
    (chart,) = summary._charts
    (series,) = chart.series
    assert series.tx.strRef.f == "'Summary'!C9"
    assert series.val.numRef.f == "'Summary'!$C$10:$C$17"
    assert series.cat.numRef.f == "'Summary'!$A$10:$A$17"
    assert [summary["A9"].value, summary["C9"].value] == ["City", "Amount"]


def test_progress_is_told_often_and_in_words(tmp_path: Path) -> None:
    context, _ = run(tmp_path, 12_000)
    assert len(context.reports) >= 20
    assert (0.5, "6,000 of 12,000 rows") in context.reports
    assert context.reports[-1] == (1, "12,000 of 12,000 rows")


def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    few, many = peak_kilobytes(tmp_path, 2000), peak_kilobytes(tmp_path, 30_000)
    assert many < few + 10_000
    assert many < 200_000


def test_memory_does_not_grow_with_the_text(tmp_path: Path) -> None:
    largest = "'😀' + chr(1) * 32_000"  # four bytes a character, seven times as many in the file
    assert peak_kilobytes(tmp_path, 1000, largest) < peak_kilobytes(tmp_path, 1000) + 30_000


@pytest.mark.parametrize(
    "bad", [0, -1, 2_000_001, 10**30, "1000", 1000.0, True, None, float("nan"), [1]]
)
def test_a_wrong_number_of_rows_is_refused_at_its_field(bad: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        JobTypes.validate(ExcelTest(), {"rows": bad})
    assert list(caught.value.fields) == ["params.rows"]


def test_a_comment_that_is_asked_for_stands_in_each_row_and_all_else_stays(tmp_path: Path) -> None:
    context = RecordingContext(tmp_path)
    ExcelTest().run(context, ExcelTestParameters(rows=1200, comment="=1+1"))
    lines = calamine_rows(context.path(), "Rows")[1:]
    assert [line[-1] for line in lines] == ["=1+1"] * 1200
    assert [line[0] for line in lines] == list(range(1, 1201))
    assert calamine_rows(context.path(), "Summary")[1] == ["Rows", 1200, ""]


def test_comments_of_more_than_a_disk_can_take_are_refused_at_their_field() -> None:
    for rows, comment in ((1, "x" * 40_001), (2_000_000, "x" * 51), (2501, "x" * 40_000)):
        with pytest.raises(InvalidInput) as caught:
            JobTypes.validate(ExcelTest(), {"rows": rows, "comment": comment})
        assert list(caught.value.fields) == ["params.comment"]
    assert JobTypes.validate(ExcelTest(), {"rows": 2500, "comment": "x" * 40_000})


def test_without_parameters_there_are_a_thousand_rows() -> None:
    assert JobTypes.validate(ExcelTest(), {}) == ExcelTestParameters(rows=1000, seed=1)
