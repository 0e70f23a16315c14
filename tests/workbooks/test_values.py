"""What each value becomes, read back with calamine and with openpyxl."""

import math
import string
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import IntEnum
from pathlib import Path
from typing import Any
from uuid import UUID

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from app.workbooks.book import Workbook
from app.workbooks.lengths import MAX_TEXT, utf16_length
from app.workbooks.ordinary import put
from app.workbooks.sheet import DATE, INTEGER, MONEY
from app.workbooks.values import EXACT_BELOW
from tests.workbooks.reading import read_column, write_column

INDIA = timezone(timedelta(hours=5, minutes=30))
GONE = "\ufffd"


class Colour(IntEnum):
    RED = 7


class Shouted(str):
    """A text of another class."""

    __slots__ = ()


def moment(*parts: int, zone: timezone | None = None) -> datetime:
    return datetime(*parts, tzinfo=zone)  # type: ignore[misc, arg-type]


TEXTS = [
    "plain",
    "=1+1",
    '=HYPERLINK("http://x.example","y")',
    "+1",
    "-2+3",
    "@SUM(1)",
    "=",
    "#N/A",
    "TRUE",
    "1",
    "2024-01-01",
    "a & b < c > d ]]> \"q\" 'x' <!-- -->",
    " leading",
    "trailing ",
    "   ",
    "two  blanks",
    "line\nbreak",
    "\n",
    "tab\there",
    "carriage\r\nreturn\r",
    "é e\u0301 ñ 日本語 한국어",
    "مرحبا بالعالم \u202eabc\u202c שלום",
    "😀 👩‍🚀 🇺🇳",
    "\u00a0no break\u2028separator\x7f\x85",
    "_x0041_",
    "_x005F_ and _x000D_",
    "_xyz_",
    "".join(map(chr, range(32))),
    "=\x011",
    "_x0041\x01",
    "_\x01x0041_",
    "_x0041_x0042_\x1f_x0043_",
    Shouted("subclass"),
    "x" * MAX_TEXT,
    "😀" * (MAX_TEXT // 2),
]


def test_text_arrives_as_that_text_and_never_as_a_formula(tmp_path: Path) -> None:
    path = tmp_path / "text.xlsx"
    write_column(path, TEXTS)
    by_calamine, by_openpyxl = read_column(path)
    assert by_calamine == TEXTS
    assert by_openpyxl == TEXTS
    cells = openpyxl.load_workbook(path)["Sheet"]["A"]
    assert {cell.data_type for cell in cells} == {"s"}


@pytest.mark.parametrize(
    ("text", "arrives"),
    [
        ("half \ud83d pair \ude00", f"half {GONE} pair {GONE}"),
        ("no characters \ufffe\uffff", f"no characters {GONE}{GONE}"),
        ("x" * 40_000, "x" * MAX_TEXT),
        ("😀" * 20_000, "😀" * (MAX_TEXT // 2)),
        ("a" + "😀" * 20_000, "a" + "😀" * (MAX_TEXT // 2)),
        ("\x00" * 40_000, "\x00" * MAX_TEXT),
        ("\ud800" * 40_000, GONE * MAX_TEXT),
        ("_x0000_" * 10_000, ("_x0000_" * 10_000)[:MAX_TEXT]),
    ],
    ids=lambda text: ascii(text[:12]),
)
def test_text_that_excel_cannot_hold_is_mended_and_stays_text(
    text: str, arrives: str, tmp_path: Path
) -> None:
    write_column(tmp_path / "text.xlsx", [text, "next"])
    by_calamine, by_openpyxl = read_column(tmp_path / "text.xlsx")
    assert by_calamine == [arrives, "next"]
    assert by_openpyxl == [arrives, "next"]
    assert utf16_length(by_calamine[0]) <= MAX_TEXT


NUMBERS: list[float | Decimal] = [
    0,
    -1,
    EXACT_BELOW - 1,
    1 - EXACT_BELOW,
    Colour.RED,
    1.5,
    -0.0,
    0.1 + 0.2,
    1 / 3,
    1e300,
    5e-324,
    Decimal("12.34"),
    Decimal("-0.10"),
    Decimal("999999999999999.5"),
    Decimal("1E-400"),
]


def test_numbers_arrive_exactly(tmp_path: Path) -> None:
    write_column(tmp_path / "numbers.xlsx", NUMBERS)
    by_calamine, by_openpyxl = read_column(tmp_path / "numbers.xlsx")
    assert by_calamine == [float(number) for number in NUMBERS]
    assert by_openpyxl == by_calamine
    assert math.copysign(1, by_calamine[NUMBERS.index(-0.0, 5)]) == -1


@pytest.mark.parametrize(
    ("number", "arrives"),
    [
        (EXACT_BELOW, "1000000000000000"),
        (-EXACT_BELOW, "-1000000000000000"),
        (2**63, "9223372036854775808"),
        (10**5000, "1" + "0" * 5000),
        (10**40_000, "1" + "0" * (MAX_TEXT - 1)),
        (float("nan"), "NaN"),
        (float("inf"), "Infinity"),
        (float("-inf"), "-Infinity"),
        (Decimal("NaN"), "NaN"),
        (Decimal("-Infinity"), "-Infinity"),
        (Decimal("1000000000000000"), "1000000000000000"),
        (Decimal("1E+999999"), "1E+999999"),
    ],
    ids=lambda value: str(value)[:20] if isinstance(value, str) else "number",
)
def test_what_no_number_of_excel_can_hold_arrives_as_text(
    number: Any, arrives: str, tmp_path: Path
) -> None:
    write_column(tmp_path / "numbers.xlsx", [number])
    assert read_column(tmp_path / "numbers.xlsx") == ([arrives], [arrives])


def test_booleans_arrive_as_booleans(tmp_path: Path) -> None:
    write_column(tmp_path / "booleans.xlsx", [True, False], INTEGER)
    for values in read_column(tmp_path / "booleans.xlsx"):
        assert values[0] is True
        assert values[1] is False


def test_nothing_and_empty_text_leave_the_cell_empty(tmp_path: Path) -> None:
    write_column(tmp_path / "empty.xlsx", [None, "", "end"])
    assert read_column(tmp_path / "empty.xlsx") == (["", "", "end"], [None, None, "end"])


@pytest.mark.parametrize(
    ("value", "arrives"),
    [
        (date(2024, 2, 29), date(2024, 2, 29)),
        (date(1900, 3, 1), date(1900, 3, 1)),
        (date(9999, 12, 31), date(9999, 12, 31)),
        (moment(2024, 2, 29, 23, 59, 59), moment(2024, 2, 29, 23, 59, 59)),
        (moment(1970, 1, 1, 0, 0, 1), moment(1970, 1, 1, 0, 0, 1)),
        (moment(2024, 2, 29, 1, 2, 3, 456_000), moment(2024, 2, 29, 1, 2, 3, 456_000)),
        (moment(9999, 12, 31, 23, 59, 59), moment(9999, 12, 31, 23, 59, 59)),
        (moment(2024, 1, 1, 2, 0, zone=INDIA), moment(2023, 12, 31, 20, 30)),
        (moment(2024, 1, 1, 2, 0, zone=UTC), moment(2024, 1, 1, 2, 0)),
        (time(0, 0), time(0, 0)),
        (time(13, 14, 15), time(13, 14, 15)),
        (timedelta(hours=30, minutes=5), timedelta(hours=30, minutes=5)),
        (timedelta(seconds=-90), timedelta(seconds=-90)),
    ],
)
def test_times_arrive_as_times(value: object, arrives: Any, tmp_path: Path) -> None:
    write_column(tmp_path / "times.xlsx", [value])
    by_calamine, by_openpyxl = read_column(tmp_path / "times.xlsx")
    assert by_calamine == [arrives]
    # openpyxl knows no dates without a time.
    as_moment = datetime.combine(arrives, time.min) if type(arrives) is date else arrives
    assert by_openpyxl == [as_moment]


@pytest.mark.parametrize(
    ("value", "arrives"),
    [
        (date(1900, 2, 28), "1900-02-28"),
        (date(1, 1, 1), "0001-01-01"),
        (moment(1899, 12, 31, 1, 2, 3), "1899-12-31 01:02:03"),
        (moment(1, 1, 1, zone=INDIA), "0001-01-01 00:00:00+05:30"),
        (time(1, 2, 3, tzinfo=UTC), "01:02:03+00:00"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        ([1, "=2"], '[1, "=2"]'),
    ],
)
def test_what_excel_does_not_know_arrives_as_text(
    value: object, arrives: str, tmp_path: Path
) -> None:
    write_column(tmp_path / "others.xlsx", [value])
    assert read_column(tmp_path / "others.xlsx") == ([arrives], [arrives])


def test_a_format_is_given_only_to_the_values_that_it_fits(tmp_path: Path) -> None:
    values = [5, "text", True, date(2024, 1, 1), Decimal("1.5")]
    for shown, formats in {
        MONEY: [MONEY, MONEY, '"TRUE";"TRUE";"FALSE"', "yyyy-mm-dd", MONEY],
        DATE: ["General", "General", '"TRUE";"TRUE";"FALSE"', DATE, "General"],
        None: ["General", "General", '"TRUE";"TRUE";"FALSE"', "yyyy-mm-dd", "General"],
    }.items():
        write_column(tmp_path / "formats.xlsx", values, shown)
        cells = openpyxl.load_workbook(tmp_path / "formats.xlsx")["Sheet"]["A"][1:]
        assert [cell.number_format for cell in cells] == formats
        assert read_column(tmp_path / "formats.xlsx")[0] == [*values[:-1], 1.5]


def test_a_cell_of_an_ordinary_sheet_follows_the_same_rules(tmp_path: Path) -> None:
    short = [text for text in TEXTS if text]
    values = [*short, *NUMBERS, True, None, 10**20, float("nan"), "\x00", "end"]
    path = tmp_path / "both.xlsx"
    write_column(path, values)
    streamed = read_column(path)
    with path.open("wb") as file, Workbook(file) as workbook:
        sheet = workbook.add_sheet("Ordinary")
        for row, value in enumerate(["Value", *values], 1):
            put(sheet, row, 1, value)
    assert read_column(path, "Ordinary") == streamed


ANY_TEXT = some.text(
    some.characters() | some.sampled_from("=+-@_x0041\r\n\t \ud800\x00\x1f\ufffe&<>\"'😀ش"),
    max_size=40,
)


def mended(text: str) -> str:
    """What the documentation promises of a text."""
    return "".join(each if is_character(each) else GONE for each in text)


def is_character(each: str) -> bool:
    return not ("\ud800" <= each <= "\udfff" or each in "\ufffe\uffff")


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(some.lists(ANY_TEXT | some.text(string.printable, max_size=20), min_size=1, max_size=20))
def test_any_text_at_all_arrives(tmp_path: Path, texts: list[str]) -> None:
    write_column(tmp_path / "any.xlsx", [*texts, "end"])
    by_calamine, by_openpyxl = read_column(tmp_path / "any.xlsx")
    promised = [*map(mended, texts), "end"]
    assert by_calamine == promised
    assert [value or "" for value in by_openpyxl] == promised


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    some.lists(
        some.floats(allow_nan=False, allow_infinity=False)
        | some.integers(1 - EXACT_BELOW, EXACT_BELOW - 1),
        min_size=1,
        max_size=20,
    )
)
def test_any_number_arrives(tmp_path: Path, numbers: list[float]) -> None:
    write_column(tmp_path / "any.xlsx", numbers)
    assert read_column(tmp_path / "any.xlsx") == (numbers, numbers)
