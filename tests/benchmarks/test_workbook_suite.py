"""The benchmark of workbooks: its rows, its checks, and a tiny real run."""

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import openpyxl
import pytest

from benchmarks.comparison.__main__ import main
from benchmarks.comparison.model import (
    Fault,
    Measurement,
    Outcome,
    Results,
)
from benchmarks.workbook import check, contenders, findings, profile, sources, suite, writers
from benchmarks.workbook.rows import DISTINCT, TABLES
from benchmarks.workbook.values import COLUMNS
from tests.benchmarks.comparing import (
    contender,
    measured,
)


def test_the_suite_of_workbooks_measures_ours_and_openpyxl_and_reads_their_files_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = ["--counts", "20", "--sources", "generator", "--rounds", "1"]
    who = ["--contenders", "ringback,openpyxl,reading"]
    status = main(["--only", "workbook", *chosen, *who, "--output", str(tmp_path)])
    shown = capsys.readouterr()
    assert (status, shown.err) == (0, "")
    assert "| clean rows, generator, 20 rows |" in shown.out
    assert "reading alone" in shown.out
    found = json.loads((tmp_path / "benchmark-workbook.json").read_text())
    assert [case["name"] for case in found["cases"]] == [
        "clean rows, generator, 20 rows",
        "dirty rows, generator, 20 rows",
    ]
    for case in found["cases"]:
        assert case["ratios"]["openpyxl"] > 0
        for key, each in case["contenders"].items():
            (one,) = each["measurements"]
            assert (one["extra"].get("file_bytes", 0) > 1000) == (key != "reading")
            assert 0 < one["memory_before"] <= one["memory_peak"]


@pytest.mark.parametrize("data", TABLES)
def test_a_file_with_a_wrong_cell_a_missing_row_or_no_filter_is_found_out(
    data: str, tmp_path: Path
) -> None:
    table, path = TABLES[data], tmp_path / "book.xlsx"
    writers.load("openpyxl").write(path, table, sources.Generated(table, 9).tuples())
    check.check(path, table, 9)
    with pytest.raises(Fault, match="a file of 9 rows, not 10"):
        check.check(path, table, 10)
    spoil(path, lambda sheet: sheet.cell(6, 4).__setattr__("value", "?"))
    with pytest.raises(Fault, match=rf"row 5, {table.fields[3].title}: '\?' instead of "):
        check.check(path, table, 9)
    spoil(path, lambda sheet: sheet.auto_filter.__setattr__("ref", None))
    with pytest.raises(Fault, match="a file without: filter"):
        check.check(path, table, 9)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(Fault, match="a file that cannot be read"):
        check.check(path, table, 9)


def spoil(path: Path, change: Callable[[Any], None]) -> None:
    book = openpyxl.load_workbook(path)
    change(book.worksheets[0])
    book.save(path)


def test_a_contender_without_a_file_is_found_out(tmp_path: Path) -> None:
    case = suite.case_of("clean", sources.GENERATOR, 5)
    ours, floor = contender("ours"), contender("floor", is_floor=True)
    with pytest.raises(Fault, match="no file"):
        suite.check_file(case, ours, measured(1), tmp_path)
    suite.check_file(case, floor, measured(1), tmp_path)


@pytest.mark.parametrize(
    ("value", "read", "is_same"),
    [
        (None, "", True),
        (7, 7.0, True),
        (Decimal("7.25"), 7.25, True),
        (UUID(int=1), str(UUID(int=1)), True),
        (datetime(2024, 1, 2, 3, tzinfo=UTC), datetime(2024, 1, 2, 3), True),  # noqa: DTZ001
        ("007", 7.0, False),
        (True, 1.0, False),
        ("", None, True),
        (0, "", False),
    ],
)
def test_cells_are_the_same_when_a_workbook_can_tell_no_difference(
    value: object, read: object, is_same: bool
) -> None:
    assert check.same(value, read) == is_same


def test_rows_are_functions_of_their_index_and_come_as_often_as_asked() -> None:
    for table in TABLES.values():
        made = [*sources.Generated(table, DISTINCT + 2).tuples()]
        assert len(made) == DISTINCT + 2
        assert made[-1] == made[1] == table.row(1)
        assert {len(row) for row in made} == {len(table.fields)} == {10}
        (mapping,) = sources.Generated(table, 1).mappings()
        assert tuple(mapping.values()) == made[0]


def test_a_library_that_is_not_there_is_told_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(contenders, "find_spec", lambda name: None)
    monkeypatch.setattr(contenders, "MODULES", tmp_path)
    missing = {each.key: each.missing for each in contenders.all_contenders("", tmp_path)}
    assert missing["ringback"] is None
    for key, words in [("xlsxwriter", "pip install"), ("exceljs", "npm"), ("reading-node", "npm")]:
        told = missing[key]
        assert told is not None and "make bench" in told and words in told


def test_the_findings_tell_the_memory_of_few_and_many_rows_and_the_size_of_the_file() -> None:
    cases = [suite.case_of("clean", sources.POSTGRES, count) for count in (10, 1000)]
    results: Results = {}
    for number, case in enumerate(cases):
        peak = 40_000_000 + number * 1_500_000
        sizes = {"ringback": 1.25, "openpyxl": 1.0}
        for key, size in sizes.items():
            one = Measurement(1, 1, 0, peak, {"file_bytes": size})
            results[case.name, key] = Outcome([one])
        results[case.name, "reading"] = Outcome([Measurement(1, 1, 0, 1)])
    memory, file = findings.sentences(cases, results)
    assert "takes 40.0 MB at the most with 10 rows, 41.5 MB with 1,000 rows: +1.5 MB." in memory
    assert file.endswith("Postgres, 1,000 rows: Ringback's is 1.25 times the smallest.")


def test_the_profile_tells_of_stages_columns_and_packers_on_its_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "page.md"
    target.write_text(f"<!-- bench:{profile.NAME} -->\n<!-- /bench:{profile.NAME} -->\n")
    monkeypatch.setattr(profile, "PAGE", target)
    monkeypatch.setattr(profile, "REPEATS", 1)
    monkeypatch.setattr(sys, "argv", ["profile", "--count", "1000", "--rounds", "1", "--write"])
    profile.main()
    text = target.read_text()
    rows = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("|")]
    assert {"clean: values into XML", "dirty: the whole", *COLUMNS} <= set(rows)
    assert sum("`zipfile`, level" in row for row in rows) == 4
