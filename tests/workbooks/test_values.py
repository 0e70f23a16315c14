"""Looks of values, values of ordinary sheets, and any text and any number at all."""

import string
from datetime import date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from app.workbooks.book import Workbook
from app.workbooks.lengths import MAX_TEXT, utf16_length
from app.workbooks.ordinary import put, put_row
from app.workbooks.sheet import (
    BOOLEAN,
    DATE,
    DATETIME,
    DURATION,
    INTEGER,
    MONEY,
    PERCENT,
    TIME,
    Column,
    Sheet,
)
from app.workbooks.values import EXACT_BELOW, Kind, encode
from tests.workbooks.chance import ANY_TEXT, mended
from tests.workbooks.edges import EDGES
from tests.workbooks.reading import is_same, read_column, write, write_column

ONE_OF_EACH: dict[object, tuple[str, str]] = {
    5: ("number", "General"),
    "text": ("text", "General"),
    True: ("boolean", BOOLEAN),
    date(2024, 1, 1): ("date", DATE),
    Decimal("1.5"): ("number", "General"),
    datetime(2024, 1, 1, 2): ("date", DATETIME),  # noqa: DTZ001
    time(1, 2): ("time", TIME),
    timedelta(hours=1): ("duration", DURATION),
    10**20: ("text", "General"),
}


@pytest.mark.parametrize("count", [1, 40])
@pytest.mark.parametrize(
    ("shown", "fits"),
    [
        (None, ""),
        (MONEY, "number"),
        (INTEGER, "number"),
        (PERCENT, "number"),
        (DATE, "date"),
        ("dd.mm.yy hh:mm", "date"),
        ("hh:mm", "date time"),
        ("[h]:mm", "duration"),
    ],
)
def test_a_format_is_given_only_to_the_values_that_it_fits(
    shown: str | None, fits: str, count: int, tmp_path: Path
) -> None:
    columns = [Column("A", format=shown)] * len(ONE_OF_EACH)
    write(tmp_path / "a.xlsx", Sheet("Sheet", columns), [list(ONE_OF_EACH)] * count)
    *_, last = openpyxl.load_workbook(tmp_path / "a.xlsx")["Sheet"].iter_rows()
    for cell, (kind, own) in zip(last, ONE_OF_EACH.values(), strict=True):
        # The format of a text is never seen, and a date fits in any format that shows hours.
        if cell.data_type != "s" and not (shown == "[h]:mm" and kind in {"date", "time"}):
            assert cell.number_format == (shown if kind in fits.split() else own)


def test_every_text_is_declared_as_one(tmp_path: Path) -> None:
    texts = [edge.value for edge in EDGES if isinstance(edge.arrives, str)]
    write_column(tmp_path / "a.xlsx", texts)
    cells = openpyxl.load_workbook(tmp_path / "a.xlsx")["Sheet"]["A"]
    assert {cell.data_type for cell in cells} == {"s"}


def test_what_encodes_says_kind_and_content() -> None:
    assert encode(None) is None
    assert encode("") is None
    for value, kind in [("a", Kind.TEXT), (1, Kind.NUMBER), (True, Kind.BOOLEAN)]:
        stored = encode(value)
        assert stored is not None
        assert stored[0] is kind


@pytest.fixture(scope="module")
def ordinary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All values of the edge in an ordinary sheet."""
    path = tmp_path_factory.mktemp("ordinary") / "a.xlsx"
    with path.open("wb") as file, Workbook(file) as workbook:
        sheet = workbook.add_sheet("Sheet")
        for row, value in enumerate(["Value", *(edge.value for edge in EDGES), "end"], 1):
            put(sheet, row, 1, value)
    return path


def test_a_cell_of_an_ordinary_sheet_follows_the_same_rules(ordinary: Path) -> None:
    for read in read_column(ordinary):
        wrong = {
            edge.name: ascii(one)[:60]
            for edge, one in zip([*EDGES], read[:-1], strict=True)
            if not is_same(one, edge.arrives)
        }
        assert wrong == {}


def test_a_cell_that_is_set_again_holds_only_the_new_value(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with path.open("wb") as file, Workbook(file) as workbook:
        sheet = workbook.add_sheet("Sheet")
        for row, again in enumerate(["", None, 5, "=1", True], 1):
            put(sheet, row, 1, "text")
            put(sheet, row, 1, again)
        put(sheet, 6, 1, "end")
    cells = openpyxl.load_workbook(path)["Sheet"]["A"]
    assert [cell.value for cell in cells] == [None, None, 5, "=1", True, "end"]
    assert [cell.data_type for cell in cells[2:]] == ["n", "s", "b", "s"]


def test_a_row_of_an_ordinary_sheet_has_formats_and_may_be_a_header(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with path.open("wb") as file, Workbook(file) as workbook:
        sheet = workbook.add_sheet("Sheet")
        put_row(sheet, 1, ["=A", "B", None], header=True)
        put_row(sheet, 2, [1.5, 2.5, "x"], [MONEY])
        put_row(sheet, 3, [date(2024, 1, 1)], [MONEY])
    sheet = openpyxl.load_workbook(path)["Sheet"]
    assert [cell.value for cell in sheet[1][:2]] == ["=A", "B"]
    assert all(cell.font.b for cell in sheet[1][:2])
    assert [cell.number_format for cell in sheet[2]][:2] == [MONEY, "General"]
    assert sheet["A3"].number_format == DATE


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


def near_the_limit() -> some.SearchStrategy[str]:
    """Texts whose length is close to the limit, with characters of one unit and of two."""
    ends = some.text(some.sampled_from("a😀\x01_x0041é&\n"), max_size=12)
    fill = some.tuples(some.sampled_from("x😀é"), some.integers(-14, 3))
    return some.builds(
        lambda start, each, end: (
            start
            + each[0] * ((MAX_TEXT + each[1] - utf16_length(start)) // utf16_length(each[0]))
            + end
        ),
        ends,
        fill,
        ends,
    )


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(near_the_limit())
def test_a_text_is_cut_at_the_limit_and_never_inside_a_character(tmp_path: Path, text: str) -> None:
    write_column(tmp_path / "any.xlsx", [text, "end"])
    for read, _ in read_column(tmp_path / "any.xlsx"):
        assert text.startswith(read)
        assert utf16_length(read) <= MAX_TEXT
        assert len(read) == len(text) or utf16_length(text[: len(read) + 1]) > MAX_TEXT


def test_lengths_are_counted_as_excel_counts_them() -> None:
    assert [utf16_length(each) for each in ("", "a", "é", "😀", "\ud800")] == [0, 1, 1, 2, 1]


class Nowhere(tzinfo):
    """A zone that does not know how far it is from UTC."""

    def utcoffset(self, moment: datetime | None) -> None:
        return None


@pytest.mark.parametrize("count", [1, 40])
def test_a_time_whose_zone_knows_no_offset_stays_what_it_is(count: int, tmp_path: Path) -> None:
    moment = datetime(2024, 7, 1, 12, 30, tzinfo=Nowhere())
    write_column(tmp_path / "a.xlsx", [moment] * count)
    by_calamine, _ = read_column(tmp_path / "a.xlsx")
    assert by_calamine == [moment.replace(tzinfo=None)] * count
