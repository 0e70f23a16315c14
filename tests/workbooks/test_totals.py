"""The row of totals: formulas that LibreOffice computes to what was stored while the rows streamed past."""

import math
import random
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pytest

from app.workbooks.book import Workbook
from app.workbooks.explicit import Formula, Hyperlink
from app.workbooks.sheet import Column, Sheet, Total
from tests.workbooks import libreoffice
from tests.workbooks.reading import is_same

ROUNDED = 1e-12
"""Two orders of adding give sums that differ so much at most, as a part of the largest number here."""

DICE = random.Random(7)


@dataclass(frozen=True)
class Case:
    """A column and its totals.

    Attributes:
        figures: in the order of `Total`: sum, average, count, minimum, maximum.
        computed: the same as LibreOffice computes them; `...` where it counts otherwise than Excel.
    """

    values: Sequence[object]
    figures: Sequence[object]
    computed: Sequence[object] = ()
    max_rows: int = 1_048_576
    title: str = ""


def numbers(values: Sequence[Any], **options: Any) -> Case:
    mean = math.fsum(values) / len(values)
    return Case(values, [math.fsum(values), mean, len(values), min(values), max(values)], **options)


def moment(day: int) -> datetime:
    return datetime(2024, 1, day)  # noqa: DTZ001


CASES: dict[str, Case] = {
    "integers": numbers(range(1, 10)),
    "one": numbers([5]),
    "negative": numbers([-5, -7, -1]),
    "floats": numbers([0.1] * 10),
    "over many batches": numbers([DICE.uniform(-1e6, 1e9) for _ in range(1300)]),
    "split": numbers(range(1, 20), max_rows=5),
    "split in the middle of batches": numbers(range(1400), max_rows=701),
    "split evenly": numbers(range(9), max_rows=5),
    "one row a sheet": numbers(range(9), max_rows=3),
    "a title with marks": numbers(range(7), max_rows=4, title="It's a <b> & 'c' 1"),
    "a title of emoji": numbers(range(7), max_rows=4, title="😀 ü (9)"),
    "a title like a reference": numbers(range(7), max_rows=4, title="A1"),
    "a title like a number": numbers(range(7), max_rows=4, title="2024"),
    "as many areas as can be": numbers(range(254), max_rows=3, title="M"),
    "more areas than can be": numbers(range(255), max_rows=3),
    "areas of long titles": numbers(range(250), max_rows=3, title="'".join("x" * 13)),
    "decimals": Case([Decimal("1.25"), Decimal("2.50")], [3.75, 1.875, 2, 1.25, 2.5]),
    "numpy": Case([np.int64(3), np.float64(1.5)], [4.5, 2.25, 2, 1.5, 3]),
    "some missing": Case([1, None, 3, None, ""], [4, 2, 2, 1, 3]),
    "missing on whole sheets": Case([None] * 3 + [4, 6] + [None] * 9, [10, 5, 2, 4, 6], (), 4),
    "all missing": Case([None] * 4, [0, None, 0, None, None]),
    "no rows": Case([], [0, None, 0, None, None]),
    "texts": Case(["a", "b", "10"], [0, None, 3, None, None]),
    "texts and gaps": Case(["a", "", None, "b", ""], [0, None, 2, None, None]),
    "texts among numbers": Case([1, "a", 2.5, "7", None], [3.5, 1.75, 4, 1, 2.5]),
    "what is no number": Case([1, math.nan, math.inf, Decimal("NaN"), 10**20, 3], [4, 2, 6, 1, 3]),
    # To LibreOffice a boolean is a number.
    "booleans": Case([True, False, 5], [5, 5, 3, 5, 5], [..., ..., 3, ..., ...]),
    "dates": Case(
        [date(2024, 1, 1), date(2024, 1, 4), date(2024, 1, 7)],
        [..., moment(4), 3, moment(1), moment(7)],
    ),
    "moments": Case(
        [moment(1), None, moment(3) + timedelta(hours=12)],
        [..., moment(2) + timedelta(hours=6), 2, moment(1), moment(3) + timedelta(hours=12)],
    ),
    "times": Case([time(6), time(12)], [..., time(9), 2, time(6), time(12)]),
    "durations": Case(
        [timedelta(hours=20), timedelta(hours=30)],
        [timedelta(hours=50), timedelta(hours=25), 2, timedelta(hours=20), timedelta(hours=30)],
    ),
    "formulas": Case([1, Formula("2+3"), 6], [None, None, 3, None, None], [12, 4, 3, 1, 6]),
    "links": Case([Hyperlink("https://x.example", "x"), 5], [5, 5, 2, 5, 5], [5, 5, 2, 5, 5]),
    "too large a sum": Case(
        [1.7e308] * 8, [None, None, 8, 1.7e308, 1.7e308], [..., ..., 8, 1.7e308, 1.7e308]
    ),
    "too large a sum over many batches": Case(
        [1.7e308] * 1300, [None, None, 1300, 1.7e308, 1.7e308], [..., ..., 1300, ..., ...]
    ),
    "opposites": Case([1e300, -1e300, 1.0], [..., ..., 3, -1e300, 1e300]),
}
NAMES = list(CASES)
# LibreOffice takes a tenth of a second for a sheet.
FEW_SHEETS = [name for name in NAMES if len(CASES[name].values) < 200 or "areas" not in name]
PLAIN = {"more areas than can be", "areas of long titles"}


LastRows = dict[str, list[Any]]
Titles = dict[str, tuple[str, ...]]


def columns() -> list[Column]:
    return [Column("Label", total="Total"), *(Column(each.name, total=each) for each in Total)]


def write_all(path: Path, names: Sequence[str]) -> Titles:
    """Several cases in one workbook; the titles of each come back."""
    with path.open("wb") as file, Workbook(file) as workbook:
        titles = {}
        for name in names:
            case = CASES[name]
            title = case.title or name[:20]
            sheet = Sheet(title, columns(), max_rows=case.max_rows)
            rows = [("row", *[value] * len(Total)) for value in case.values]
            titles[name] = workbook.write(sheet, rows).titles
        return titles


def last_row(path: Path, title: str, **options: Any) -> Any:
    book = openpyxl.load_workbook(path, read_only=True, **options)
    *_, row = book[title].iter_rows(values_only=True)
    book.close()
    return row


def last_rows(folder: Path, titles: Titles, **options: Any) -> LastRows:
    """The row of totals of each case, whichever workbook it is in."""
    book = openpyxl.load_workbook(folder / "few.xlsx", **options)
    return {
        name: list(book[each[-1]].values)[-1]
        if name in FEW_SHEETS
        else last_row(folder / f"{name}.xlsx", each[-1], **options)
        for name, each in titles.items()
    }


def forget_figures(path: Path, other: Path) -> None:
    """Copy a workbook with wrong values beside its formulas: whoever does not compute is found out."""
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(other, "w") as copy:
        for name in source.namelist():
            copy.writestr(name, re.sub(rb"</f><v>[^<]*</v>", b"</f><v>-77</v>", source.read(name)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("totals")


@pytest.fixture(scope="module")
def titles(folder: Path) -> Titles:
    """Of all cases, which are written: most into one workbook, the large ones each into its own."""
    written = write_all(folder / "few.xlsx", FEW_SHEETS)
    for name in set(NAMES) - set(FEW_SHEETS):
        written |= write_all(folder / f"{name}.xlsx", [name])
    return written


@pytest.fixture(scope="module")
def stored(folder: Path, titles: Titles) -> LastRows:
    return last_rows(folder, titles, data_only=True)


@pytest.fixture(scope="module")
def formulas(folder: Path, titles: Titles) -> LastRows:
    return last_rows(folder, titles)


@pytest.fixture(scope="module")
def computed(folder: Path, titles: Titles) -> LastRows:
    forget_figures(folder / "few.xlsx", folder / "forgotten.xlsx")
    saved = libreoffice.convert(folder / "forgotten.xlsx", folder / "saved")
    book = openpyxl.load_workbook(saved, data_only=True)
    return {name: list(book[titles[name][-1]].values)[-1] for name in FEW_SHEETS}


def check(name: str, read: Sequence[object], figures: Sequence[object], within: float) -> None:
    assert read[0] == "Total"
    wrong = {
        total.name: (one, other)
        for total, one, other in zip(Total, read[1:], figures, strict=True)
        if other is not ... and not is_same(one, other, within)
    }
    assert wrong == {}, name


@pytest.mark.parametrize("name", NAMES)
def test_the_totals_that_were_computed_while_streaming_are_stored(
    name: str, stored: LastRows
) -> None:
    check(name, stored[name], CASES[name].figures, ROUNDED)


@pytest.mark.parametrize("name", FEW_SHEETS)
def test_libreoffice_computes_the_same_totals(name: str, computed: LastRows) -> None:
    case = CASES[name]
    check(name, computed[name], case.computed or case.figures, libreoffice.WITHIN)


@pytest.mark.parametrize("name", NAMES)
def test_totals_are_formulas_as_long_as_one_can_name_all_areas(
    name: str, formulas: LastRows
) -> None:
    subtotals = [each for each in formulas[name][1:] if str(each).startswith("=SUBTOTAL(")]
    if name in PLAIN or not CASES[name].values:
        assert subtotals == []
    else:
        assert subtotals == [each for each in formulas[name][1:] if each is not None]


def test_a_formula_names_the_rows_of_all_sheets(formulas: LastRows) -> None:
    assert formulas["integers"][1:] == (
        "=SUBTOTAL(109,B2:B10)",
        "=SUBTOTAL(101,C2:C10)",
        "=SUBTOTAL(103,D2:D10)",
        "=SUBTOTAL(105,E2:E10)",
        "=SUBTOTAL(104,F2:F10)",
    )
    split = formulas["a title with marks"][1]
    assert split.count("!") == split.count(",") - 1
    assert "'It''s a <b> & ''c'' 1'!B2:B3" in split
    assert split.endswith(",B2:B2)")
