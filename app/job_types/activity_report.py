"""What its owner did here: their jobs and notifications as a workbook of several sheets.

It holds the caller's own rows only, an administrator's report as well. All times are UTC. The report
leaves itself out: while it is written it is still running.
"""

from collections.abc import Callable, Iterator
from datetime import date
from typing import Annotated, Literal, get_args

from openpyxl.worksheet.worksheet import Worksheet
from pydantic import Field, ValidationInfo, field_validator

from app.job_types.base import JobContext, JobType, Json, Parameters, Row
from app.workbooks.book import Workbook
from app.workbooks.charts import add_bar_chart
from app.workbooks.ordinary import put_row
from app.workbooks.sheet import (
    DATETIME,
    DECIMAL,
    INTEGER,
    MEDIA_TYPE,
    PERCENT,
    Column,
    Sheet,
)
from app.workbooks.styles import print_on_page_width

TypeName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
State = Literal["waiting", "queued", "running", "succeeded", "failed", "cancelled"]
STATES: tuple[State, ...] = get_args(State)

JOBS = Sheet(
    "Jobs",
    [
        Column("Job", 38),
        Column("Type", 18),
        Column("State", 11),
        Column("Progress", 10, PERCENT),
        Column("Progress message", 30),
        Column("Accepted (UTC)", 20, DATETIME),
        Column("Started (UTC)", 20, DATETIME),
        Column("Finished (UTC)", 20, DATETIME),
        Column("Waited (s)", 12, DECIMAL),
        Column("Ran (s)", 12, DECIMAL),
        Column("Attempts", 10, INTEGER),
        Column("Parameters", 40),
        Column("Error code", 20),
        Column("Error message", 60),
        Column("File", 36),
        Column("File size", 13, INTEGER),
        Column("File deleted (UTC)", 20, DATETIME),
    ],
)
NOTIFICATIONS = Sheet(
    "Notifications",
    [
        Column("Number", 10, INTEGER),
        Column("Type", 18),
        Column("Title", 40),
        Column("Text", 60),
        Column("Created (UTC)", 20, DATETIME),
        Column("Read (UTC)", 20, DATETIME),
        Column("Job", 38),
    ],
)
LOG = Sheet(
    "Log",
    [
        Column("Job", 38),
        Column("Type", 18),
        Column("At (UTC)", 20, DATETIME),
        Column("Event", 12),
        Column("Attempt", 10, INTEGER),
        Column("Message", 60),
        Column("Worker", 30),
    ],
)

# Ids come as text and seconds as floating point: the driver would make an object of each at a third of the
# whole time, and the cell would show the same.
# Joins are spelt as one look-up for each row. Where Postgres has not counted a user's new rows yet, it
# would take hundreds of thousands for one, and compare each with each.
SELECT_JOBS = """
    SELECT job.id::text, job.type, job.state, job.progress, job.progress_message,
        job.created_at, job.started_at, job.finished_at,
        extract(epoch FROM job.started_at - job.created_at)::double precision,
        extract(epoch FROM job.finished_at - job.started_at)::double precision,
        job.attempt, left(job.params::text, 32767), job.error_code, job.error_message,
        file.name, file.size, file.deleted_at
    FROM jobs AS job LEFT JOIN LATERAL (
        SELECT name, size, deleted_at FROM artifacts WHERE job_id = job.id LIMIT 1
    ) AS file ON true
    WHERE {wanted_jobs} ORDER BY job.id"""
SELECT_NOTIFICATIONS = """
    SELECT seq, type, title, body, created_at, read_at, job_id::text
    FROM notifications AS item WHERE {wanted_notifications} ORDER BY seq"""
SELECT_LOG = """
    SELECT event.job_id::text, job.type, event.at, event.event, event.attempt, event.message, event.worker
    FROM job_events AS event JOIN jobs AS job ON job.id = event.job_id
    WHERE {wanted_jobs} ORDER BY event.job_id, event.id"""
ABOUT_JOBS = "EXISTS (SELECT FROM jobs AS job WHERE job.id = item.job_id AND {filters} OFFSET 0)"

COUNT_STATES = "SELECT state, count(*) FROM jobs AS job WHERE {wanted_jobs} GROUP BY state"
COUNT_TYPES = """
    SELECT type, count(*), count(*) FILTER (WHERE state = 'succeeded'),
        count(*) FILTER (WHERE state = 'failed'), count(*) FILTER (WHERE state = 'cancelled'),
        percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM finished_at - started_at)),
        avg(extract(epoch FROM finished_at - started_at))
    FROM jobs AS job WHERE {wanted_jobs} GROUP BY type ORDER BY count(*) DESC, type"""
COUNT_NOTIFICATIONS = """
    SELECT count(*) AS total, count(*) FILTER (WHERE read_at IS NULL) AS unread
    FROM notifications AS item WHERE {wanted_notifications}"""
COUNT_LOG = """
    SELECT count(*) FROM job_events AS event JOIN jobs AS job ON job.id = event.job_id
    WHERE {wanted_jobs}"""

TYPES = (
    Column("Type", 22),
    Column("Jobs", 38, INTEGER),
    Column("Succeeded", 12, INTEGER),
    Column("Failed", 12, INTEGER),
    Column("Cancelled", 12, INTEGER),
    Column("Median run (s)", 15, DECIMAL),
    Column("Mean run (s)", 15, DECIMAL),
)


class ActivityReportParameters(Parameters):
    """Which jobs and notifications. A notification about a job goes with the job's type and state."""

    since: date | None = Field(
        None,
        description="First day (UTC) on which a job was accepted, or a notification made; "
        "none: from the beginning.",
    )
    until: date | None = Field(None, description="Last day (UTC), included; none: until now.")
    # A name that no type has (any more) is fine: there may be old jobs of it.
    types: list[TypeName] = Field(
        [], max_length=50, description="Names of job types; none: jobs of all types."
    )
    states: list[State] = Field(
        [], max_length=len(STATES), description="States of jobs; none: jobs in any state."
    )
    include_log: bool = Field(False, description="Add a sheet with each step of each job.")

    @field_validator("until")
    @classmethod
    def _is_not_before_since(cls, until: date | None, info: ValidationInfo) -> date | None:
        since = info.data.get("since")
        if since and until and until < since:
            raise ValueError("Is before `since`")
        return until


class Source:
    """The rows that the parameters ask for.

    Args:
        context: of the job that makes the report.
    """

    def __init__(self, context: JobContext, parameters: ActivityReportParameters) -> None:
        self._read = context.rows
        self._values = {**parameters.model_dump(), "this": context.job_id}
        filters = [
            f"job.{column} = ANY(:{values})"
            for column, values in (("type", "types"), ("state", "states"))
            if self._values[values]
        ]
        jobs = ["job.id <> :this", *self._period("job"), *filters]
        notifications = ["item.hidden_at IS NULL", *self._period("item")]
        if filters:
            notifications.append(ABOUT_JOBS.format(filters=" AND ".join(filters)))
        self._wanted = {
            "wanted_jobs": " AND ".join(jobs),
            "wanted_notifications": " AND ".join(notifications),
        }

    def rows(self, query: str) -> Iterator[Row]:
        """The rows of one of the queries above."""
        return self._read(query.format(**self._wanted), self._values)

    def _period(self, item: str) -> Iterator[str]:
        if self._values["since"]:
            yield f"{item}.created_at >= CAST(:since AS date)"
        if self._values["until"]:
            yield f"{item}.created_at < CAST(:until AS date) + 1"


class Counts:
    """What the summary says; from the same state of the database as the rows."""

    def __init__(self, source: Source, with_log: bool) -> None:
        self.email, self.made_at = next(source.rows("SELECT email, now() FROM users"))
        self.types = [tuple(row) for row in source.rows(COUNT_TYPES)]
        self.states = dict.fromkeys(STATES, 0) | dict(map(tuple, source.rows(COUNT_STATES)))
        self.jobs = sum(self.states.values())
        self.notifications, self.unread = next(source.rows(COUNT_NOTIFICATIONS))
        self.log = next(source.rows(COUNT_LOG))[0] if with_log else 0
        self.rows = self.jobs + self.notifications + self.log


class ActivityReport(JobType[ActivityReportParameters]):
    """Writes the workbook."""

    name = "activity_report"
    title = "Activity report"
    parameters = ActivityReportParameters
    example = {"include_log": True}

    def run(self, context: JobContext, parameters: ActivityReportParameters) -> dict[str, Json]:
        """See `JobType.run`."""
        context.progress(0, "Counting")
        source = Source(context, parameters)
        counts = Counts(source, parameters.include_log)
        name = _file_name(parameters, counts.made_at.date())
        with (
            context.artifact(name, MEDIA_TYPE) as file,
            Workbook(file, title=self.title, creator="Ringback") as workbook,
        ):
            _summarise(workbook.add_sheet("Summary", active=True), parameters, counts)
            return _write_tables(workbook, context, source, counts, parameters.include_log)


def _file_name(parameters: ActivityReportParameters, today: date) -> str:
    since = parameters.since
    until = parameters.until or max(today, since or today)
    return f"activity_{f'{since}_' if since else ''}to_{until}.xlsx"


def _write_tables(
    workbook: Workbook, context: JobContext, source: Source, counts: Counts, with_log: bool
) -> dict[str, Json]:
    """Write the sheets of rows, one after the other; how many rows each has comes back."""
    tables = [(JOBS, SELECT_JOBS), (NOTIFICATIONS, SELECT_NOTIFICATIONS)]
    if with_log:
        tables.append((LOG, SELECT_LOG))
    done: dict[str, Json] = {}
    before = 0
    for sheet, query in tables:
        written = workbook.write(
            sheet, source.rows(query), _reporter(context, sheet.title, before, counts.rows)
        )
        done[sheet.title.lower()] = written.rows
        before += written.rows
    return done


def _reporter(context: JobContext, title: str, before: int, total: int) -> Callable[[int], None]:
    def report(written: int) -> None:
        done = before + written
        context.progress(done / total, f"{title}; {done:,} of {total:,} rows")

    return report


def _summarise(worksheet: Worksheet, parameters: ActivityReportParameters, counts: Counts) -> None:
    """Lay out what was asked for, the counts by state with a chart, and those by type."""
    heading = [ActivityReport.title, "All times are UTC. This report itself is left out."]
    put_row(worksheet, 1, heading, header=True)
    for number, (label, value) in enumerate(_facts(parameters, counts), 2):
        put_row(worksheet, number, [label, value], [None, INTEGER])
    top = worksheet.max_row + 2
    bottom = top + len(STATES)
    put_row(worksheet, top, ["State", "Jobs"], header=True)
    for number, state in enumerate(STATES, top + 1):
        put_row(worksheet, number, [state, counts.states[state]], [None, INTEGER])
    add_bar_chart(worksheet, "I1", "Jobs by state", top=top, bottom=bottom, values=2)
    put_row(worksheet, bottom + 2, [column.title for column in TYPES], header=True)
    for number, row in enumerate(counts.types, bottom + 3):
        put_row(worksheet, number, row, [column.format for column in TYPES])
    for letter, column in zip("ABCDEFG", TYPES, strict=True):
        worksheet.column_dimensions[letter].width = column.width
    print_on_page_width(worksheet)


def _facts(parameters: ActivityReportParameters, counts: Counts) -> Iterator[tuple[str, object]]:
    yield "Account", counts.email
    yield "Made", counts.made_at.replace(microsecond=0)
    yield "From", parameters.since or "the beginning"
    yield "To", parameters.until or "now"
    yield "Types", ", ".join(parameters.types) or "all"
    yield "States", ", ".join(parameters.states) or "all"
    yield "Jobs", counts.jobs
    yield "Notifications", counts.notifications
    yield "Unread notifications", counts.unread
    if not counts.rows:
        yield "Note", "There is nothing that fits these filters."
