"""Tables of chance arrive: what is written is what openpyxl, calamine and LibreOffice read."""

import math
from collections.abc import Callable, Sequence
from itertools import count, islice
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as some

from app.workbooks.book import Workbook
from app.workbooks.sheet import Column, Sheet, Total, Written
from tests.workbooks import libreoffice
from tests.workbooks.chance import KINDS, Table, arrival, tables
from tests.workbooks.edges import EDGES
from tests.workbooks.reading import calamine_sheets, is_same, openpyxl_sheets

Sheets = dict[str, list[list[Any]]]

AS_WRITTEN: Callable[[object], object] = lambda value: value  # noqa: E731


def write(path: Path, drawn: Sequence[Table]) -> list[Written]:
    with path.open("wb") as file, Workbook(file) as workbook:
        return [
            workbook.write(
                Sheet(f"{number}", [Column("A")] * table.width, max_rows=table.max_rows),
                table.rows,
            )
            for number, table in enumerate(drawn)
        ]


def check(
    table: Table,
    titles: Sequence[str],
    sheets: Sheets,
    as_read: Callable[[object], object] = AS_WRITTEN,
    within: float = 0.0,
) -> None:
    """Compare a table with what a reader found on its sheets."""
    rest = iter(table.arrives)
    for title in titles:
        header, *rows = sheets[title]
        assert header == ["A"] * table.width
        expected = list(islice(rest, table.max_rows - 1))
        # Rows that are empty to their end are no rows to calamine.
        rows += [[None] * table.width] * (len(expected) - len(rows))
        for found, row in zip(rows, expected, strict=True):
            assert all(
                is_same(one, as_read(other), within) for one, other in zip(found, row, strict=True)
            ), f"{title}: {found!a} instead of {row!a}"
    assert next(rest, None) is None


# A failure names the row, and making large tables smaller takes minutes: so none is made smaller.
PHASES = [Phase.reuse, Phase.generate]


@settings(max_examples=80, deadline=None, phases=PHASES, suppress_health_check=list(HealthCheck))
@given(some.lists(tables(), min_size=1, max_size=2))
def test_tables_of_chance_arrive_in_two_readers(tmp_path: Path, drawn: list[Table]) -> None:
    path = tmp_path / "a.xlsx"
    written = write(path, drawn)
    by_openpyxl = openpyxl_sheets(path)
    by_calamine = calamine_sheets(path, by_openpyxl)
    for table, one in zip(drawn, written, strict=True):
        assert one.rows == len(table.rows)
        check(table, one.titles, by_openpyxl)
        check(table, one.titles, by_calamine)


TO_ADD = [
    *["text", "ordinary text", "integers", "large integers", "floats"],
    *["decimals", "any decimals", "booleans", "uuids", "nothing"],
]


@settings(max_examples=80, deadline=None, phases=PHASES, suppress_health_check=list(HealthCheck))
@given(
    some.lists(some.one_of(*(KINDS[each] for each in TO_ADD)), min_size=1, max_size=9),
    some.sampled_from([1, 1, 400]),
    some.sampled_from([4, 1_048_576]),
)
def test_totals_of_chance_are_those_of_what_arrives(
    tmp_path: Path, drawn: list[object], times: int, max_rows: int
) -> None:
    values = drawn * times if max_rows > 4 else drawn
    columns = [Column("A", total=total) for total in Total]
    path = tmp_path / "a.xlsx"
    with path.open("wb") as file, Workbook(file) as workbook:
        sheet = Sheet("T", columns, max_rows=max_rows)
        titles = workbook.write(sheet, [(value,) * len(Total) for value in values]).titles
    book = openpyxl.load_workbook(path, data_only=True)
    read = list(book[titles[-1]].values)[-1]
    for total, one, (other, off) in zip(Total, read, totals(values), strict=True):
        assert (one is None) == (other is None), total
        assert other is None or abs(one - other) <= off, total


def totals(values: Sequence[object]) -> list[tuple[float | None, float]]:
    """In the order of `Total`, each with how far it may be off: adding in another order rounds otherwise."""
    arrived = [each for each in map(arrival, values) if each is not None]
    numbers = [each for each in arrived if type(each) in {int, float}]
    count = (len(arrived), 0)
    if not numbers:
        return [(0, 0), (None, 0), count, (None, 0), (None, 0)]
    off = 1e-12 * math.fsum(abs(each) / 1000 for each in numbers) * 1000
    ends = [(min(numbers), 0), (max(numbers), 0)]
    try:
        whole = math.fsum(numbers)
    except OverflowError:
        return [(None, 0), (None, 0), count, *ends]
    return [(whole, off), (whole / len(numbers), off), count, *ends]


# Each example takes seconds, so there are few, of many tables each.
@settings(max_examples=3, deadline=None, phases=PHASES, suppress_health_check=list(HealthCheck))
@given(some.lists(tables(counts=(3, 40)), min_size=8, max_size=16))
def test_tables_of_chance_arrive_in_libreoffice(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[Table]
) -> None:
    folder = tmp_path_factory.mktemp("chance")
    written = write(folder / "a.xlsx", drawn)
    titles = [title for one in written for title in one.titles]
    by_libreoffice = libreoffice.read(folder / "a.xlsx", folder / "saved", titles)
    for table, one in zip(drawn, written, strict=True):
        check(table, one.titles, by_libreoffice, libreoffice.saved, libreoffice.WITHIN)


def test_values_at_the_edge_arrive_in_libreoffice(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with path.open("wb") as file, Workbook(file) as workbook:
        columns = [Column("A"), Column("Number")]
        workbook.write(Sheet("All", columns), zip([each.value for each in EDGES], count()))
    rows = libreoffice.read(path, tmp_path / "saved", ["All"])["All"][1:]
    assert [row[1] for row in rows] == list(range(len(EDGES)))
    wrong = {
        edge.name: ascii(row[0])[:60]
        for edge, row in zip(EDGES, rows, strict=True)
        if not is_same(row[0], libreoffice.saved(edge.arrives), libreoffice.WITHIN)
    }
    assert wrong == {}
