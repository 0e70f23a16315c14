"""Where the time of writing a workbook goes: by stage, by kind of column, and by what deflates.

    make bench-profile                          # WRITE=1 for docs/performance.md
    .venv/bin/python -m benchmarks.workbook.profile --help

All figures are medians of several rounds; what is compared is measured in turn, in one process.
"""

import argparse
import io
import statistics
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from app.workbooks.archive import Archive
from app.workbooks.book import Workbook
from app.workbooks.deflate import Compression, deflate_for
from app.workbooks.rows import RowRenderer
from app.workbooks.sheet import Column, Sheet
from app.workbooks.table import BATCH_ROWS
from app.workbooks.values import Kind
from benchmarks.comparison import page
from benchmarks.comparison.report import table as markdown_table
from benchmarks.workbook.rows import DISTINCT, TABLES, Row, Table
from benchmarks.workbook.values import COLUMNS

PAGE = Path("docs/performance.md")
NAME = "workbook-profile"

WIDTH, REPEATS = 10, 20
"""Columns of one kind side by side, and how often a batch of them is rendered."""

Work = Callable[[], object]


class Nowhere(io.RawIOBase):
    """Takes bytes and counts them."""

    def __init__(self) -> None:
        self.size = 0

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: Any) -> int:
        """See `io.RawIOBase`."""
        self.size += len(data)
        return len(data)


def main() -> None:
    """Measure, print and, if asked to, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--count", type=int, default=200_000, help="of rows (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="(%(default)s)")
    parser.add_argument("--write", action="store_true", help=f"write the tables into {PAGE}")
    options = parser.parse_args()
    if options.write:
        page.require_marks(PAGE, NAME)
    parts = [
        f"By stage, {options.count:,} rows of ten columns, seconds and share:",
        _stages(options.count, options.rounds),
        "By kind of column, nanoseconds a cell, from Python's value to XML in UTF-8:",
        _columns(options.rounds),
        'By what deflates<a id="what-deflates"></a>, the XML of the same rows into an archive:',
        _packers(options.count, options.rounds),
    ]
    text = "\n\n".join(parts)
    print(text)
    if options.write:
        page.replace(PAGE, NAME, text)


def _stages(count: int, rounds: int) -> str:
    rows = []
    for data, table in TABLES.items():
        works = {
            "rows": lambda table=table: _drain(_batches(table, count)),
            "rendered": lambda table=table: _drain(_pieces(table, count)),
            "written": lambda table=table: _write(table, count),
        }
        found = _medians(works, rounds)
        pieces = [*_pieces(table, count)]
        packing = _medians({"deflate": lambda pieces=pieces: _deflate(pieces)}, rounds)["deflate"]
        whole = found["written"]
        stages = {
            "taking rows from the generator": found["rows"],
            "values into XML": found["rendered"] - found["rows"],
            "deflate and checksum": packing,
            "all else: batches, checks, openpyxl's parts, the file": whole
            - found["rendered"]
            - packing,
        }
        rows += [
            [f"{data}: {name}", f"{each:.3f}", f"{each / whole:.0%}"]
            for name, each in stages.items()
        ]
        rows.append([f"{data}: the whole", f"{whole:.3f}", ""])
    return markdown_table(["stage", "seconds", "share"], rows)


def _columns(rounds: int) -> str:
    rows = []
    for name, make in COLUMNS.items():
        values = [(make(index),) * WIDTH for index in range(BATCH_ROWS)]
        renderer = RowRenderer([[1] * len(Kind)] * WIDTH)

        def work(renderer: RowRenderer = renderer, values: Sequence[Row] = values) -> None:
            for _ in range(REPEATS):
                renderer.render(2, values)

        taken = _medians({name: work}, rounds)[name]
        rows.append([name, f"{taken / (REPEATS * BATCH_ROWS * WIDTH) * 1e9:,.0f}"])
    return markdown_table(["column", "ns a cell"], rows)


def _packers(count: int, rounds: int) -> str:
    return markdown_table(
        ["", "seconds", "MB"],
        [
            row
            for data, table in TABLES.items()
            for row in _packed(data, [*_pieces(table, count)], rounds)
        ],
    )


def _packed(data: str, pieces: Sequence[bytes], rounds: int) -> Iterator[list[str]]:
    """A row for each way to make an archive of the pieces."""
    sizes: dict[str, int] = {}

    def keep(name: str, pack: Callable[[Sequence[bytes], Any], int], option: object) -> Work:
        return lambda: sizes.update({name: pack(pieces, option)})

    works = {}
    for compression in Compression:
        name = f"{data}: `Archive`, {deflate_for(compression).name}"
        works[name] = keep(name, _archive, compression)
    for level in (1, 6):
        name = f"{data}: `zipfile`, level {level}"
        works[name] = keep(name, _zipfile, level)
    for name, seconds in _medians(works, rounds).items():
        yield [name, f"{seconds:.3f}", f"{sizes[name] / 1e6:.2f}"]


def _medians(works: dict[str, Work], rounds: int) -> dict[str, float]:
    """Seconds of each, measured in turn."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            begin = time.perf_counter()
            work()
            taken[name].append(time.perf_counter() - begin)
    return {name: statistics.median(each) for name, each in taken.items()}


def _rows(table: Table, count: int) -> Iterator[Row]:
    return islice(cycle([table.row(index) for index in range(DISTINCT)]), count)


def _batches(table: Table, count: int) -> Iterator[list[Row]]:
    rows = _rows(table, count)
    while batch := [*islice(rows, BATCH_ROWS)]:
        yield batch


def _pieces(table: Table, count: int) -> Iterator[bytes]:
    """The XML of all rows, batch by batch."""
    renderer = RowRenderer([[0] * len(Kind)] * len(table.fields))
    first = 2
    for batch in _batches(table, count):
        yield renderer.render(first, batch)
        first += len(batch)


def _drain(pieces: Iterator[object]) -> None:
    for _ in pieces:
        pass


def _write(table: Table, count: int) -> None:
    columns = [Column(each.title, each.width, each.format) for each in table.fields]
    with Workbook(io.BytesIO()) as workbook:
        workbook.write(Sheet("Rows", columns), _rows(table, count))


def _deflate(pieces: Sequence[bytes]) -> None:
    deflate = deflate_for(Compression.FAST)
    compressor, checksum = deflate.start(), 0
    for piece in pieces:
        checksum = deflate.crc32(piece, checksum)
        compressor.compress(piece)
    compressor.flush()


def _archive(pieces: Sequence[bytes], compression: Compression) -> int:
    target = Nowhere()
    archive = Archive(target, compression)  # type: ignore[arg-type]
    with archive.open("rows.xml") as part:
        for piece in pieces:
            part.write(piece)
    archive.close()
    return target.size


def _zipfile(pieces: Sequence[bytes], level: int) -> int:
    target = Nowhere()
    with (
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as archive,  # type: ignore[call-overload]
        archive.open("rows.xml", "w", force_zip64=True) as part,
    ):
        for piece in pieces:
            part.write(piece)
    return target.size


if __name__ == "__main__":
    main()
