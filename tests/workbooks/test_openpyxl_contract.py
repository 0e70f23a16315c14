"""The inner parts of openpyxl that app/workbooks/package.py leans on are as it expects."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from lxml import etree
from openpyxl.chart import BarChart, Reference
from openpyxl.formatting.rule import CellIsRule
from openpyxl.worksheet._write_only import WriteOnlyWorksheet
from openpyxl.worksheet._writer import WorksheetWriter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.writer.excel import ExcelWriter

from app.workbooks.package import add_streamed, check_openpyxl, render_frame

ROOT = Path(__file__).resolve().parents[2]
MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"

USED = [
    (ExcelWriter, "save"),
    (ExcelWriter, "write_data"),
    (ExcelWriter, "write_worksheet"),
    (ExcelWriter, "_write_worksheets"),
    (WorksheetWriter, "write"),
    (WorksheetWriter, "read"),
    (WriteOnlyWorksheet, "_setup"),
    (WriteOnlyWorksheet, "add_chart"),
    (WriteOnlyWorksheet, "print_title_rows"),
    (openpyxl.Workbook, "_add_sheet"),
]


@pytest.fixture
def check() -> Iterator[Any]:
    """The check as it is at the start of a process, which looks only once."""
    forget = getattr(check_openpyxl, "cache_clear", lambda: None)
    forget()
    yield check_openpyxl
    forget()


def test_the_openpyxl_that_is_installed_is_the_one_that_is_supported(check: Any) -> None:
    assert check() is None


@pytest.mark.parametrize(
    ("kind", "name"), USED, ids=[f"{kind.__name__}.{name}" for kind, name in USED]
)
def test_what_is_used_of_openpyxl_is_there(kind: type, name: str) -> None:
    changed = f"openpyxl {openpyxl.__version__} has no {kind.__name__}.{name} any more"
    assert hasattr(kind, name), changed


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (WorksheetWriter, "write"),
        (WorksheetWriter, "read"),
        (ExcelWriter, "write_worksheet"),
        (ExcelWriter, "_write_worksheets"),
        (openpyxl.Workbook, "_add_sheet"),
    ],
)
def test_a_part_that_is_missing_is_named_together_with_the_version(
    kind: type, name: str, check: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(kind, name)
    with pytest.raises(RuntimeError) as told:
        check()
    assert openpyxl.__version__ in str(told.value)
    assert f"{kind.__name__}.{name}" in str(told.value)


@pytest.mark.parametrize("version", ["3.2.0", "4.0", "2.6.4", "3.10.1"])
def test_another_version_is_named(
    version: str, check: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openpyxl, "__version__", version)
    with pytest.raises(RuntimeError, match=re.escape(version)):
        check()


def test_openpyxl_is_pinned_to_one_minor_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert "openpyxl>=3.1.5,<3.2" in project["dependencies"]
    assert openpyxl.__version__.startswith("3.1.")


def elements(worksheet: Any) -> list[str]:
    """What stands in the XML of a sheet around its rows, in order."""
    before, after = render_frame(worksheet)
    root = etree.fromstring(before + b'<row r="1"/>' + after)
    return [str(each.tag).removeprefix(MAIN) for each in root]


def test_the_frame_of_a_sheet_has_its_elements_in_their_order() -> None:
    worksheet = add_streamed(openpyxl.Workbook(), "Rows", 1)
    worksheet.freeze_panes = "A2"
    worksheet.column_dimensions["A"].width = 20
    worksheet.auto_filter.ref = "A1:B9"
    assert elements(worksheet) == [
        *["sheetPr", "sheetViews", "sheetFormatPr", "cols", "sheetData", "autoFilter"],
        "pageMargins",
    ]


def test_what_is_prepared_stands_in_the_order_of_the_standard() -> None:
    worksheet = add_streamed(openpyxl.Workbook(), "Rows", 1)
    worksheet.auto_filter.ref = "A1:B9"
    worksheet.conditional_formatting.add("A1", CellIsRule("equal", ["1"]))
    worksheet.data_validations.append(DataValidation(type="whole", sqref="A1"))
    worksheet.page_setup.orientation = "landscape"
    worksheet.oddHeader.center.text = "x"
    worksheet.add_chart(chart_of(worksheet))
    assert elements(worksheet)[3:] == [
        *["sheetData", "autoFilter", "conditionalFormatting", "dataValidations"],
        *["pageMargins", "pageSetup", "headerFooter", "drawing"],
    ]


def chart_of(worksheet: Any) -> BarChart:
    chart = BarChart()
    chart.add_data(Reference(worksheet, min_col=1, min_row=1, max_row=2))
    return chart


def test_the_frame_is_cut_where_the_rows_belong() -> None:
    before, after = render_frame(add_streamed(openpyxl.Workbook(), "Rows", 1))
    assert before.endswith(b"<sheetData>")
    assert after.startswith(b"</sheetData>")
    assert after.endswith(b"</worksheet>")


def test_a_frame_without_a_place_for_rows_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    worksheet = add_streamed(openpyxl.Workbook(), "Rows", 1)
    monkeypatch.setattr(WorksheetWriter, "read", lambda self: b"<worksheet/>")
    with pytest.raises(RuntimeError, match=re.escape(openpyxl.__version__)):
        render_frame(worksheet)
