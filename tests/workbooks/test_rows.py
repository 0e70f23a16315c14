"""Rows of every shape that a caller may have, and those of the wrong length."""

import sqlite3
from collections import UserList, deque, namedtuple
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from app.workbooks.book import Workbook
from app.workbooks.sheet import Column, Sheet
from tests.workbooks.reading import calamine_rows, openpyxl_rows, write

COLUMNS = [Column("Number"), Column("Text")]

Pair = namedtuple("Pair", "number text")


class Record(Sequence[object]):
    """A row that can be counted and indexed, and nothing more."""

    def __init__(self, *values: object) -> None:
        self._values = values

    def __getitem__(self, index: int) -> object:  # type: ignore[override]
        return self._values[index]

    def __len__(self) -> int:
        return len(self._values)


class DictRow(list[object]):
    """Like those of psycopg2.extras: a list that knows its columns."""

    __slots__ = ("_index",)


SHAPES: list[Callable[[int, str], Sequence[object]]] = [
    lambda number, text: (number, text),
    lambda number, text: [number, text],
    Pair,
    Record,
    lambda number, text: DictRow([number, text]),
    lambda number, text: UserList([number, text]),
    lambda number, text: deque([number, text]),
    lambda number, text: {"number": number, "text": text}.values(),  # type: ignore[return-value]
    lambda number, text: np.array([number, text], dtype=object),  # type: ignore[return-value]
]


@pytest.mark.parametrize("count", [3, 1100])
@pytest.mark.parametrize("shape", range(len(SHAPES)))
def test_a_row_may_be_any_sequence(shape: int, count: int, tmp_path: Path) -> None:
    rows = [SHAPES[shape](number, f"t{number}") for number in range(count)]
    write(tmp_path / "a.xlsx", Sheet("Rows", COLUMNS), rows)
    expected = [[number, f"t{number}"] for number in range(count)]
    assert calamine_rows(tmp_path / "a.xlsx", "Rows")[1:] == expected


def test_rows_of_several_shapes_may_follow_each_other(tmp_path: Path) -> None:
    rows = [shape(number, f"t{number}") for number, shape in enumerate(SHAPES)]
    write(tmp_path / "a.xlsx", Sheet("Rows", COLUMNS), rows)
    expected = [[number, f"t{number}"] for number in range(len(SHAPES))]
    assert openpyxl_rows(tmp_path / "a.xlsx", "Rows")[1:] == expected


def test_rows_come_from_a_cursor_of_a_database(tmp_path: Path) -> None:
    database = sqlite3.connect(":memory:")
    database.row_factory = sqlite3.Row
    query = (
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < 700) "
        "select i, 't' || i as t from n"
    )
    write(tmp_path / "a.xlsx", Sheet("Rows", COLUMNS), database.execute(query))
    database.close()
    assert calamine_rows(tmp_path / "a.xlsx", "Rows")[1:] == [[n, f"t{n}"] for n in range(1, 701)]


def test_rows_come_from_an_array_of_numpy(tmp_path: Path) -> None:
    array = np.arange(1400, dtype="float32").reshape(700, 2)
    write(tmp_path / "a.xlsx", Sheet("Rows", COLUMNS), array)
    assert calamine_rows(tmp_path / "a.xlsx", "Rows")[1:] == array.tolist()


def test_rows_come_from_a_structured_array_of_numpy(tmp_path: Path) -> None:
    array = np.array([(1, "a"), (2, "b")], dtype=[("number", "i4"), ("text", "U5")])
    write(tmp_path / "a.xlsx", Sheet("Rows", COLUMNS), array)
    assert calamine_rows(tmp_path / "a.xlsx", "Rows")[1:] == [[1, "a"], [2, "b"]]


@pytest.mark.parametrize("count", [0, 1, 16, 256, 500, 512, 1024])
def test_rows_may_come_from_a_generator(count: int, tmp_path: Path) -> None:
    rows = ((number, "x") for number in range(count))
    written = write(tmp_path / "a.xlsx", Sheet("Rows", COLUMNS, max_rows=257), rows)
    assert (written.rows, len(written.titles)) == (count, max(1, -(-count // 256)))


def test_a_generator_that_is_left_is_not_read_to_its_end() -> None:
    asked = []

    def rows() -> Iterator[tuple[int, str]]:
        for number in range(100_000):
            asked.append(number)
            yield number, "x"

    def stop(count: int) -> None:
        raise LookupError("cancelled")

    with pytest.raises(LookupError), Workbook(BytesIO()) as workbook:
        workbook.write(Sheet("Rows", COLUMNS), rows(), stop)
    assert len(asked) <= 1100


@pytest.mark.parametrize("before", [0, 1, 15, 16, 17, 499, 500, 507, 511, 512, 1300])
@pytest.mark.parametrize("bad", [(1,), (1, "a", 2), ()], ids=len)
def test_a_row_of_the_wrong_length_is_named(before: int, bad: tuple[object, ...]) -> None:
    rows = [*[(1, "a")] * before, bad, *[(2, "b")] * 3]
    message = rf"^Row {before + 1:,} of 'Rows' has {len(bad)} values, but there are 2 columns\.$"
    target = BytesIO()
    with pytest.raises(ValueError, match=message), Workbook(target) as workbook:
        workbook.write(Sheet("Rows", COLUMNS), rows)


def test_a_row_of_the_wrong_length_is_counted_over_all_sheets() -> None:
    rows = [*[(1, "a")] * 25, (1,)]
    with pytest.raises(ValueError, match=r"^Row 26 of 'Rows' has 1 "), Workbook(BytesIO()) as book:
        book.write(Sheet("Rows", COLUMNS, max_rows=11), rows)


def test_the_first_of_several_rows_of_wrong_lengths_is_named() -> None:
    rows = [(1, "a"), (1,), (1, 2, 3)]
    with pytest.raises(ValueError, match=r"^Row 2 of 'Rows' has 1 "), Workbook(BytesIO()) as book:
        book.write(Sheet("Rows", COLUMNS), rows)


def test_rows_that_are_all_of_one_wrong_length_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^Row 1 of 'Rows' has 3 "), Workbook(BytesIO()) as book:
        book.write(Sheet("Rows", COLUMNS), [(1, 2, 3)] * 600)
