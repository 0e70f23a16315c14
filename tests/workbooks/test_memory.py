"""Memory: it grows neither with the rows nor, beyond a bound, with the length of texts."""

import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from io import RawIOBase

import pytest

from app.workbooks.book import Workbook
from app.workbooks.sheet import Column, Sheet, Total

MEGABYTE = 1_000_000
LONGEST = 32_767

Rows = Iterable[tuple[object, ...]]


class Nowhere(RawIOBase):
    """A target that keeps nothing."""

    def __init__(self) -> None:
        self._place = 0

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, place: int, whence: int = 0) -> int:
        self._place = place
        return place

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self._place += len(data)
        return len(data)


def peak(rows: Rows, columns: int, total: Total | None = None) -> int:
    """Bytes that writing takes at most."""
    sheet = Sheet("Rows", [Column("A", total=total)] * columns)
    tracemalloc.start()
    try:
        with Workbook(Nowhere()) as workbook:  # type: ignore[arg-type]
            workbook.write(sheet, rows)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def ordinary(count: int) -> Iterator[tuple[object, ...]]:
    for number in range(count):
        yield number, f"row {number}", number / 7, datetime(2024, 1, 1), True  # noqa: DTZ001


def mixed(count: int) -> Iterator[tuple[object, ...]]:
    for number in range(count):
        value = (None, f"\x00{number}", Decimal(number), {"a": number}, 10**20)[number % 5]
        yield value, number if number % 3 else None, f" {number}\n", b"\x00", number / 7


@pytest.mark.parametrize("rows", [ordinary, mixed])
@pytest.mark.parametrize("total", [None, Total.SUM])
def test_memory_does_not_grow_with_the_rows(
    total: Total | None, rows: Callable[[int], Rows]
) -> None:
    peak(rows(1000), 5, total)  # what is made once
    assert peak(rows(20_000), 5, total) < peak(rows(2000), 5, total) + MEGABYTE / 2


def long_text(number: int) -> str:
    """A text of its own, so that many of them take as much as they seem to."""
    return f"{number:06}".ljust(LONGEST, "x")


def suddenly_long(count: int) -> Iterator[tuple[str, ...]]:
    for number in range(count):
        if number < count // 4:
            yield tuple(f"short {number}" for _ in range(10))
        else:
            yield tuple(long_text(number) for _ in range(10))


def now_and_then_long(count: int) -> Iterator[tuple[str, ...]]:
    for number in range(count):
        if number % 2:
            yield ("short",) * 10
        else:
            yield tuple(long_text(number) for _ in range(10))


def long_and_foreign(count: int) -> Iterator[tuple[object, ...]]:
    for number in range(count):
        yield tuple("é\n" + long_text(number) if column else number for column in range(10))


@pytest.mark.parametrize(
    ("rows", "count"), [(suddenly_long, 2000), (now_and_then_long, 2000), (long_and_foreign, 600)]
)
def test_the_longest_texts_take_little_memory(rows: Callable[[int], Rows], count: int) -> None:
    assert peak(rows(count), 10) < 40 * MEGABYTE
