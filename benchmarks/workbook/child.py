"""The process that is measured: one contender writes one table into one file."""

import os
import sys
from contextlib import ExitStack
from pathlib import Path

from benchmarks.comparison.probe import measure
from benchmarks.workbook import sources, writers
from benchmarks.workbook.rows import TABLES

URL = "RINGBACK_BENCH_URL"
"""The variable with the address of Postgres, which has a password."""


def main(key: str, data: str, count: str, source: str, path: str) -> None:
    """Prepare all, then measure the work.

    Args:
        key: of the contender.
        data: name of the table.
        count: of its rows.
        source: `generator`, or the name of the table in Postgres.
        path: of the file.
    """
    table, writer, file = TABLES[data], writers.load(key), Path(path)
    with ExitStack() as stack:
        given: sources.Source = (
            sources.Generated(table, int(count))
            if source == sources.GENERATOR
            else stack.enter_context(sources.selected(os.environ[URL], table, source))
        )
        rows = given.mappings() if writer.MAPPINGS else given.tuples()

        def work() -> dict[str, float]:
            writer.write(file, table, rows)
            return {"file_bytes": file.stat().st_size} if file.exists() else {}

        measure(work)


if __name__ == "__main__":
    main(*sys.argv[1:])
