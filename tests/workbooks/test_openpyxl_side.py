"""What openpyxl does for a streamed sheet: looks, charts, names, the order of sheets."""

import zipfile
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.chart import BarChart, LineChart, Reference
from openpyxl.formatting.rule import CellIsRule, ColorScaleRule
from openpyxl.styles import Alignment, Font, NamedStyle, PatternFill
from openpyxl.workbook.defined_name import DefinedName
from openpyxl.worksheet.datavalidation import DataValidation

from app.workbooks.book import Workbook
from app.workbooks.ordinary import put, put_row
from app.workbooks.sheet import DATE, MONEY, Column, Sheet
from tests.workbooks import libreoffice

COLUMNS = [Column("Name"), Column("Amount")]
ROWS = [("a", 1), ("b", 20), ("c", 3), ("d", 40)]

RED = PatternFill("solid", bgColor="FF0000")


def saved(target: BytesIO) -> Any:
    return openpyxl.load_workbook(target)


def test_each_sheet_of_a_split_is_prepared() -> None:
    prepared: list[str] = []

    def prepare(worksheet: Any) -> None:
        prepared.append(worksheet.title)
        worksheet.sheet_properties.tabColor = "00FF00"
        worksheet.conditional_formatting.add("B2:B9", CellIsRule("greaterThan", ["10"], fill=RED))
        worksheet.column_dimensions["A"].hidden = True
        worksheet.page_setup.orientation = "portrait"
        worksheet.oddFooter.center.text = "Page &P"
        worksheet.sheet_view.showGridLines = False

    target = BytesIO()
    with Workbook(target) as workbook:
        workbook.write(Sheet("T", COLUMNS, max_rows=3, prepare=prepare), ROWS)
    assert prepared == ["T", "T (2)"]
    for sheet in saved(target).worksheets:
        assert sheet.sheet_properties.tabColor.rgb == "0000FF00"
        ((conditional, rules),) = sheet.conditional_formatting._cf_rules.items()
        assert str(conditional.sqref) == "B2:B9"
        assert rules[0].dxf.fill.bgColor.rgb == "00FF0000"
        assert sheet.column_dimensions["A"].hidden
        assert sheet.page_setup.orientation == "portrait"
        assert sheet.oddFooter.center.text == "Page &P"
        assert not sheet.sheet_view.showGridLines
        assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("A2", "A1:B3")


def test_an_error_while_preparing_passes_through() -> None:
    def prepare(worksheet: Any) -> None:
        raise LookupError("no such look")

    with pytest.raises(LookupError, match="look"), Workbook(BytesIO()) as workbook:
        workbook.write(Sheet("T", COLUMNS, prepare=prepare), ROWS)


def test_a_streamed_sheet_may_have_validation_and_colour_scales() -> None:
    def prepare(worksheet: Any) -> None:
        choice = DataValidation(type="list", formula1='"a,b"')
        choice.add("A2:A99")
        worksheet.data_validations.append(choice)
        scale = ColorScaleRule("min", None, "FFFFFF", end_type="max", end_color="FF0000")
        worksheet.conditional_formatting.add("B2:B99", scale)

    target = BytesIO()
    with Workbook(target) as workbook:
        workbook.write(Sheet("T", COLUMNS, prepare=prepare), ROWS)
    (sheet,) = saved(target).worksheets
    assert sheet.data_validations.dataValidation[0].formula1 == '"a,b"'
    assert len(sheet.conditional_formatting) == 1


def with_chart(worksheet: Any, kind: Any = BarChart) -> None:
    chart = kind()
    chart.add_data(Reference(worksheet, min_col=2, min_row=1, max_row=5), titles_from_data=True)
    chart.set_categories(Reference(worksheet, min_col=1, min_row=2, max_row=5))
    worksheet.add_chart(chart, "D2")


def test_streamed_and_ordinary_sheets_may_each_have_charts(tmp_path: Path) -> None:
    target = BytesIO()
    with Workbook(target) as workbook:
        workbook.write(Sheet("One", COLUMNS, prepare=with_chart), ROWS)
        ordinary = workbook.add_sheet("Two")
        for number, row in enumerate([("Name", "Amount"), *ROWS], 1):
            put_row(ordinary, number, row)
        with_chart(ordinary, LineChart)
        workbook.write(Sheet("Three", COLUMNS, prepare=with_chart), ROWS)
    book = saved(target)
    charts = {sheet.title: sheet._charts for sheet in book.worksheets}
    assert {title: len(each) for title, each in charts.items()} == {"One": 1, "Two": 1, "Three": 1}
    for title, (chart,) in charts.items():
        assert chart.series[0].val.numRef.f == f"'{title}'!$B$2:$B$5"
    (tmp_path / "a.xlsx").write_bytes(target.getvalue())
    with zipfile.ZipFile(libreoffice.convert(tmp_path / "a.xlsx", tmp_path / "saved")) as package:
        names = [each for each in package.namelist() if each.startswith("xl/charts/chart")]
    assert len(names) == 3


def test_a_column_may_have_a_named_style() -> None:
    style = NamedStyle("loud", font=Font(bold=True, color="FF0000"), number_format="0.000")
    columns = [
        Column("A", style="loud"),
        Column("B", style="loud", format=MONEY),
        Column("C", style="loud", wrap=True),
        Column("D"),
    ]
    target = BytesIO()
    with Workbook(target) as workbook:
        workbook.openpyxl.add_named_style(style)
        workbook.write(Sheet("T", columns), [(1, 2, "x", 3)] * 2 + [("text", None, 1, 2)])
    sheet = saved(target)["T"]
    assert [cell.style for cell in sheet[2]] == ["loud", "loud", "loud", "Normal"]
    assert [bool(cell.font.b) for cell in sheet[2]] == [True, True, True, False]
    assert [sheet["A2"].number_format, sheet["B2"].number_format] == ["0.000", MONEY]
    assert sheet["C2"].alignment.wrap_text
    assert sheet["A4"].style == "loud"
    assert sheet["A1"].style == "Normal"


def test_dates_in_a_column_of_a_named_style_stay_dates() -> None:
    target = BytesIO()
    with Workbook(target) as workbook:
        workbook.openpyxl.add_named_style(NamedStyle("loud", font=Font(bold=True)))
        workbook.write(Sheet("T", [Column("A", style="loud")]), [(date(2024, 1, 1),)] * 2)
    cell = saved(target)["T"]["A2"]
    assert (cell.value, cell.number_format) == (datetime(2024, 1, 1), DATE)  # noqa: DTZ001
    assert cell.font.b


def test_a_named_style_that_the_workbook_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="loud"), Workbook(BytesIO()) as workbook:
        workbook.write(Sheet("T", [Column("A", style="loud")]), [(1,)])


def test_names_and_properties_are_those_of_openpyxl() -> None:
    target = BytesIO()
    before = datetime.now(UTC).replace(tzinfo=None) - timedelta(seconds=2)
    with Workbook(target, title="T & t", creator="Somebody") as workbook:
        workbook.write(Sheet("T", COLUMNS), ROWS)
        workbook.openpyxl.defined_names["Amounts"] = DefinedName("Amounts", attr_text="T!$B$2:$B$5")
        workbook.openpyxl.properties.subject = "Sums"
        workbook.openpyxl.properties.keywords = "a, b"
    book = saved(target)
    assert book.defined_names["Amounts"].attr_text == "T!$B$2:$B$5"
    assert (book.properties.title, book.properties.creator) == ("T & t", "Somebody")
    assert (book.properties.subject, book.properties.keywords) == ("Sums", "a, b")
    assert book.properties.modified >= before


def contents(target: BytesIO) -> dict[str, Any]:
    """What stands in the second cell of each sheet, in the order of the sheets."""
    return {sheet.title: sheet["A2"].value for sheet in saved(target).worksheets}


def add(workbook: Workbook, titles: Sequence[str]) -> None:
    """Streamed sheets, and ordinary ones where the title is in lower case."""
    for title in titles:
        if title.islower():
            put(workbook.add_sheet(title), 2, 1, title)
        else:
            workbook.write(Sheet(title, [Column("A")]), [(title,)])


def test_sheets_may_be_put_into_another_order_at_the_end() -> None:
    target = BytesIO()
    with Workbook(target) as workbook:
        add(workbook, ["A", "b", "C", "d", "E"])
        workbook.openpyxl.move_sheet("E", -4)
        workbook.openpyxl.move_sheet("b", 3)
    assert list(contents(target).items()) == [(each, each) for each in "EACdb"]


def test_sheets_may_be_put_into_another_order_between_others() -> None:
    target = BytesIO()
    with Workbook(target) as workbook:
        add(workbook, ["A", "B"])
        workbook.openpyxl.move_sheet("B", -1)
        add(workbook, ["c", "D"])
        workbook.openpyxl.move_sheet("D", -3)
        add(workbook, ["E", "f"])
        workbook.openpyxl._sheets.reverse()
        add(workbook, ["G"])
    assert list(contents(target).items()) == [(each, each) for each in "fEcABDG"]
    with zipfile.ZipFile(target) as package:
        assert len(set(package.namelist())) == len(package.namelist())


def test_an_ordinary_sheet_may_be_put_first_and_be_the_one_that_opens() -> None:
    target = BytesIO()
    with Workbook(target) as workbook:
        add(workbook, ["A", "B"])
        summary = workbook.add_sheet("Summary", active=True)
        workbook.openpyxl.move_sheet(summary, -2)
        workbook.openpyxl.active = summary
    book = saved(target)
    assert book.sheetnames == ["Summary", "A", "B"]
    assert book.active.title == "Summary"


def test_an_ordinary_sheet_may_be_removed_again() -> None:
    target = BytesIO()
    with Workbook(target) as workbook:
        add(workbook, ["A", "b", "C"])
        workbook.openpyxl.remove(workbook.openpyxl["b"])
        add(workbook, ["D"])
    assert contents(target) == {"A": "A", "C": "C", "D": "D"}


def test_ordinary_sheets_keep_their_looks() -> None:
    target = BytesIO()
    with Workbook(target) as workbook:
        sheet = workbook.add_sheet("one")
        put_row(sheet, 1, ["Name", "Amount"], header=True)
        put(sheet, 2, 2, 5, MONEY).alignment = Alignment(horizontal="center")
        sheet.merge_cells("A4:B4")
        sheet.column_dimensions["B"].width = 33
    (sheet,) = saved(target).worksheets
    assert sheet["A1"].font.b
    assert (sheet["B2"].number_format, sheet["B2"].alignment.horizontal) == (MONEY, "center")
    assert str(sheet.merged_cells) == "A4:B4"
    assert sheet.column_dimensions["B"].width == 33
