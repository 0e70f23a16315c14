"""Each value at the edge, on each path that it may take through the writer, in both readers.

Whether a value is alone among others or one of many of its type, it has to become the same cell.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from app.workbooks.book import Workbook
from app.workbooks.sheet import Column, Sheet
from app.workbooks.values import encode
from tests.workbooks.edges import EDGES
from tests.workbooks.edges.edge import Edge
from tests.workbooks.reading import calamine_sheets, is_same, openpyxl_sheets

COUNT = 40
"""Rows of a column of equal values."""

NEIGHBOURS: tuple[object, ...] = ("text", 5, None, True, 1.5, datetime(2024, 1, 1))  # noqa: DTZ001
WAYS = ("uniform", "with gaps", "mixed")


@dataclass
class Read:
    """What one reader found: the columns of each sheet, without their headers."""

    sheets: dict[str, list[list[Any]]]

    def column(self, title: str, number: int) -> list[Any]:
        return [row[number] for row in self.sheets[title][1:]]


def ways(value: object) -> Iterator[Sequence[object]]:
    """Rows of a table with one column for each of `WAYS`."""
    for number in range(COUNT):
        gap = None if number % 2 else value
        yield value, gap, NEIGHBOURS[number // 2 % 6] if number % 2 else value


def by_type() -> dict[str, list[Edge]]:
    """Under titles for sheets, the values of one type."""
    groups = defaultdict(list)
    for edge in EDGES:
        groups[type(edge.value)].append(edge)
    return {f"{number} {kind.__name__}": each for number, (kind, each) in enumerate(groups.items())}


def value_of(edge: Edge) -> object:
    """Its value; one that cannot be written must not hide how all the others fare."""
    try:
        encode(edge.value)
    except Exception as error:  # noqa: BLE001
        return f"It could not be written: {error}"
    return edge.value


def write_all(path: Path) -> None:
    with path.open("wb") as file, Workbook(file) as workbook:
        for number, edge in enumerate(EDGES):
            sheet = Sheet(f"{number}", [Column(way) for way in WAYS])
            workbook.write(sheet, ways(value_of(edge)))
        for title, edges in by_type().items():
            workbook.write(Sheet(title, [Column("A")]), [(value_of(each),) for each in edges])
        columns = [Column("A"), Column("Number")]
        workbook.write(
            Sheet("All", columns), [(value_of(each), number) for number, each in enumerate(EDGES)]
        )


@pytest.fixture(scope="module")
def readers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Read]:
    path = tmp_path_factory.mktemp("edges") / "edges.xlsx"
    write_all(path)
    by_openpyxl = openpyxl_sheets(path)
    return {
        "openpyxl": Read(by_openpyxl),
        "calamine": Read(calamine_sheets(path, by_openpyxl)),
    }


def shown(value: object) -> str:
    return ascii(value) if len(ascii(value)) < 80 else f"{ascii(value)[:60]}... {type(value)}"


def check(read: Sequence[object], arrives: Sequence[object], where: str) -> None:
    wrong = [
        f"row {number}: {shown(one)} instead of {shown(other)}"
        for number, (one, other) in enumerate(zip(read, arrives, strict=True), 1)
        if not is_same(one, other)
    ]
    assert not wrong, f"{where}: {len(wrong)} wrong: {wrong[:3]}"


@pytest.mark.parametrize("number", range(len(EDGES)), ids=[edge.name for edge in EDGES])
def test_a_value_becomes_the_same_cell_on_every_path(number: int, readers: dict[str, Read]) -> None:
    arrives = EDGES[number].arrives
    expected = list(zip(*ways(arrives), strict=True))
    for reader, found in readers.items():
        for column, way in enumerate(WAYS):
            read = found.column(str(number), column)
            # Rows that are empty to their end are no rows to calamine.
            read += [None] * (COUNT - len(read))
            check(read, expected[column], f"{reader}, {way}")


@pytest.mark.parametrize("title", by_type())
def test_values_of_one_type_do_not_disturb_each_other(title: str, readers: dict[str, Read]) -> None:
    arrives = [edge.arrives for edge in by_type()[title]]
    for reader, found in readers.items():
        read = found.column(title, 0)
        check(read + [None] * (len(arrives) - len(read)), arrives, reader)


def test_values_of_all_types_in_one_column_do_not_disturb_each_other(
    readers: dict[str, Read],
) -> None:
    for reader, found in readers.items():
        check(found.column("All", 0), [edge.arrives for edge in EDGES], reader)
        check(found.column("All", 1), range(len(EDGES)), reader)


def test_the_sign_of_zero_arrives(readers: dict[str, Read]) -> None:
    zero = [edge.name for edge in EDGES].index("float -0.0")
    for found in readers.values():
        read = found.column(str(zero), 0)
        assert {math.copysign(1, each) for each in read} == {-1}
