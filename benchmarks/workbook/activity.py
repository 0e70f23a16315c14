"""How long `activity_report` takes from Postgres to the finished file, and what of it is whose.

    make bench-activity                         # COUNT=1000000 WRITE=1 for docs/performance.md
    .venv/bin/python -m benchmarks.workbook.activity --help

A user of a private Postgres gets so many jobs, each with a notification. Then four things are measured in
turn: counting for the summary; reading the rows of both sheets and dropping them; writing as many rows, which
are in memory already; and the report, which does all three. All in this process, through the code that a worker
runs.
"""

import argparse
import secrets
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import cycle, islice
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import psutil
from sqlalchemy import Engine

from app.config import Settings
from app.extensions import db
from app.factory import create_core
from app.job_types.activity_report import (
    JOBS,
    NOTIFICATIONS,
    SELECT_JOBS,
    SELECT_NOTIFICATIONS,
    ActivityReport,
    ActivityReportParameters,
    Counts,
    Source,
)
from app.job_types.base import Row
from app.jobs.reading import OwnRows
from app.migrate import migrate
from app.workbooks.book import Workbook
from app.workbooks.sheet import Sheet
from benchmarks.comparison import page
from benchmarks.comparison.report import table
from benchmarks.workbook import database
from tests.job_types.recording import RecordingContext
from tests.support.activity import add_jobs, add_user

PAGE = Path("docs/performance.md")
NAME = "workbook-activity"
TABLES = ((JOBS, SELECT_JOBS), (NOTIFICATIONS, SELECT_NOTIFICATIONS))
SAMPLE = 10_000


class Taken(NamedTuple):
    """Seconds by the clock, and of CPU by this process and by Postgres."""

    wall: float
    own: float
    postgres: float


class Trial:
    """One user's rows, and what can be done with them.

    Args:
        folder: for the files.
        count: jobs, and as many notifications.
    """

    def __init__(self, engine: Engine, owner: UUID, folder: Path, count: int) -> None:
        self._engine, self._owner = engine, owner
        self._folder, self._count = folder, count
        self._kept = {sheet.title: [*islice(rows, SAMPLE)] for sheet, rows in self._sources()}

    def count(self) -> None:
        """Count what the summary says."""
        with self._source() as source:
            Counts(source, with_log=False)

    def read(self) -> None:
        """Read everything and drop it."""
        for _, rows in self._sources():
            for _ in rows:
                pass

    def write(self) -> None:
        """Write as many rows as a report has, the first ones again and again."""
        with (self._folder / "rows.xlsx").open("wb") as file, Workbook(file) as workbook:
            for sheet, _ in TABLES:
                workbook.write(sheet, islice(cycle(self._kept[sheet.title]), self._count))

    def report(self) -> None:
        """Make the report."""
        with closing(OwnRows(self._engine, self._owner)) as own_rows:
            context = RecordingContext(self._folder / secrets.token_hex(4), own_rows=own_rows)
            ActivityReport().run(context, ActivityReportParameters())

    def _sources(self) -> Iterator[tuple[Sheet, Iterator[Row]]]:
        with self._source() as source:
            for sheet, query in TABLES:
                yield sheet, source.rows(query)

    @contextmanager
    def _source(self) -> Iterator[Source]:
        with closing(OwnRows(self._engine, self._owner)) as own_rows:
            context = RecordingContext(self._folder, own_rows=own_rows)
            yield Source(context, ActivityReportParameters())


def main() -> None:
    """Measure, print and, if asked to, write."""
    parser = argparse.ArgumentParser(description="From Postgres to the finished activity report.")
    parser.add_argument("--count", type=int, default=1_000_000, help="of jobs (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="(%(default)s)")
    parser.add_argument("--write", action="store_true", help=f"write the table into {PAGE}")
    options = parser.parse_args()
    if options.write:
        page.require_marks(PAGE, NAME)
    with _trial(options.count) as (trial, server):
        found = _measured(trial, server, options.rounds)
    text = _told(found, options.count, options.rounds)
    print(text)
    if options.write:
        page.replace(PAGE, NAME, text)


@contextmanager
def _trial(count: int) -> Iterator[tuple[Trial, psutil.Process]]:
    """A trial on a Postgres of its own, and that Postgres."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # root runs Postgres as nobody
        with database.running(folder) as server:
            app = create_core(_settings(server.url), role="benchmark")
            migrate(app)
            owner, _ = add_user(server.url)
            add_jobs(server.url, owner, count, log=False)
            server.execute("VACUUM (ANALYZE)")
            with app.app_context():
                trial = Trial(db.engine, owner, folder, count)
                yield trial, _process_of(server)
                db.engine.dispose()


def _settings(url: str) -> Settings:
    return Settings.load(
        environment="development",
        secret_key=secrets.token_hex(32),
        database_url=url.replace("postgresql://", "postgresql+psycopg2://"),
        redis_url="redis://127.0.0.1:1/0",  # nobody asks for it
        statement_timeout_seconds=60,
    )


def _process_of(server: database.Database) -> psutil.Process:
    """The main process of Postgres: the parent of that which serves a connection."""
    parent = psutil.Process(server.backend()).parent()
    assert parent is not None
    return parent


def _measured(trial: Trial, server: psutil.Process, rounds: int) -> dict[str, Taken]:
    works = {
        "counting alone": trial.count,
        "reading alone": trial.read,
        "writing alone": trial.write,
        "the report": trial.report,
    }
    taken: dict[str, list[Taken]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            taken[name].append(_measure(work, server))
            print(name, taken[name][-1], flush=True)
    return {
        name: Taken(*(statistics.median(each) for each in zip(*found, strict=True)))
        for name, found in taken.items()
    }


def _measure(work: Callable[[], None], server: psutil.Process) -> Taken:
    before, begin = (time.process_time(), _cpu(server)), time.perf_counter()
    work()
    seconds = time.perf_counter() - begin
    return Taken(seconds, time.process_time() - before[0], _cpu(server) - before[1])


def _cpu(server: psutil.Process) -> float:
    """CPU seconds of all processes of the server; those that ended are counted at their parent."""
    processes = [server, *server.children(recursive=True)]
    times = [each.cpu_times() for each in processes]
    ended = times[0].children_user + times[0].children_system
    return ended + sum(each.user + each.system for each in times)


def _told(found: dict[str, Taken], count: int, rounds: int) -> str:
    rows = [[name, *(f"{each:.2f}" for each in taken)] for name, taken in found.items()]
    return (
        f"`activity_report` of {count:,} jobs and as many notifications "
        f"({2 * count:,} rows, 24 values in each pair), seconds, medians of {rounds} rounds:\n\n"
        + table(["", "by the clock", "CPU of the worker", "CPU of Postgres"], rows)
    )


if __name__ == "__main__":
    main()
