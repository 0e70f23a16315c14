"""The suite `workbook`: tables of ten columns become Excel workbooks."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from benchmarks.comparison.model import Benchmark, Case, Contender, Fault, Measurement, Quantity
from benchmarks.comparison.options import one_or_more_of
from benchmarks.workbook import check, contenders, database, findings, sources
from benchmarks.workbook.rows import TABLES

COUNTS = (10_000, 100_000, 1_000_000)
MOST_ROWS = 1_048_575
"""More go on in a second sheet, which not all of them do."""
FILE_BYTES = "file_bytes"
WORK = (
    "Everyone writes the same: ten columns with a width each, numbers and times with a number format, under a bold "
    "header that stays in view and has a filter. “Clean” rows hold integers, floats, short and longer text, text "
    "beyond ASCII, booleans, dates and times, and no empty value. “Dirty” rows hold decimals, integers, floats, "
    "times and text, of which some are missing, text of two lines, text with blanks before it and `& < >` in it, a "
    "column of integers, floats and text, empty text, and UUIDs. There are 1,000 different rows, which repeat. The "
    "generator gives rows that are made already; Postgres gives them through a server-side cursor, 2,000 at once, "
    "and the times of dirty rows with time zones."
)
METHOD = (
    "Each measurement is a process of its own; its start, its imports and the connection are not measured. “Growth” "
    "is how far its memory rose above what it had before the first row. CPU time is that of the process, without "
    "Postgres. Up to 100,000 rows each file is read back with python-calamine, and its first, middle and last row are "
    "compared; of larger ones the rows are counted."
)


class WorkbookSuite:
    """Compare the writing of Excel workbooks: Ringback, openpyxl, XlsxWriter, rustpy-xlsxwriter, exceljs."""

    def add_options(self, parser: ArgumentParser) -> None:
        """See `Suite`."""
        parser.add_argument("--counts", type=_counts, default=COUNTS, help=f"of rows {COUNTS}")
        for option, names in (("--data", [*TABLES]), ("--sources", [*sources.NAMES])):
            shown = ", ".join(names)
            parser.add_argument(
                option, type=one_or_more_of(names), default=names, help=f"of {shown} (all)"
            )

    def prepare(self, options: Namespace, folder: Path) -> AbstractContextManager[Benchmark]:
        """See `Suite`."""
        return _prepared(options, folder)


@contextmanager
def _prepared(options: Namespace, folder: Path) -> Iterator[Benchmark]:
    with ExitStack() as stack:
        url = ""
        if sources.POSTGRES in options.sources:
            print("Starting a Postgres, and filling it ...", flush=True)
            server = stack.enter_context(database.running(folder))
            url = server.url
            for data in options.data:
                for count in options.counts:
                    server.fill(data, count)
        cases = [
            case_of(data, source, count)
            for data in options.data
            for source in options.sources
            for count in options.counts
        ]
        for case in cases:
            contenders.write_rows(folder, case)
        yield Benchmark(
            title="Writing Excel workbooks of ten columns",
            unit="rows",
            ours=contenders.OURS,
            cases=cases,
            contenders=contenders.all_contenders(url, folder),
            check=check_file,
            quantities=[Quantity(FILE_BYTES, "file MB", scale=1e6, digits=2, compared=True)],
            notes=(WORK, METHOD),
            findings=lambda results: findings.sentences(cases, results),
        )


def case_of(data: str, source: str, count: int) -> Case:
    """A case of this suite."""
    table = f"{data}_{count}" if source == sources.POSTGRES else sources.GENERATOR
    values = {"data": data, "source": source, "table": table}
    titles = {sources.GENERATOR: "generator", sources.POSTGRES: "Postgres"}
    return Case(f"{data} rows, {titles[source]}", f"{count:,} rows", count, values)


def check_file(case: Case, contender: Contender, _: Measurement, folder: Path) -> None:
    """See `Benchmark.check`."""
    if contender.is_floor:
        return
    path = folder / contenders.FILE
    if not path.exists():
        raise Fault("no file")
    check.check(path, TABLES[case.values["data"]], case.amount)


def _counts(text: str) -> Sequence[int]:
    counts = sorted({int(each.replace("_", "")) for each in text.split(",")})
    if not (counts[0] > 0 and counts[-1] <= MOST_ROWS):
        raise ValueError(text)
    return counts


_counts.__name__ = f"count from 1 to {MOST_ROWS:,}"
SUITE = WorkbookSuite()
