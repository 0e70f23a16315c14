"""`activity_report`: whose rows, which of them, and what stands in the sheets."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import openpyxl
import pytest

from app.job_types.activity_report import STATES, ActivityReport
from app.job_types.registry import JobTypes
from tests.job_types.recording import RecordingContext
from tests.support.activity import add_jobs, add_user
from tests.support.database import query
from tests.workbooks.reading import calamine_rows

MakeContext = Callable[..., RecordingContext]
COUNT = 200  # of `busy_user`

ADD_NOTIFICATION = """
INSERT INTO notifications (user_id, seq, id, type, title, body, data, final, created_at, read_at,
  hidden_at, expires_at)
VALUES (%s, %s, gen_random_uuid(), 'news', %s, 'b', '{}', false, %s, %s, %s, 'infinity')
"""


class Report:
    """A report that was made, as calamine reads it.

    Args:
        context: that of its job.
        result: what the job returned.
    """

    def __init__(self, context: RecordingContext, result: dict[str, Any]) -> None:
        self.path, self.result = context.path(), result
        self.titles = openpyxl.load_workbook(self.path, read_only=True).sheetnames

    def rows(self, title: str) -> list[dict[str, Any]]:
        """The rows of a sheet by the titles of its columns."""
        header, *rows = calamine_rows(self.path, title)
        return [dict(zip(header, row, strict=True)) for row in rows]

    def numbers(self) -> list[int]:
        """Of the jobs that `add_jobs` made."""
        return [int(row["Parameters"].split()[1][:-1]) for row in self.rows("Jobs")]

    def facts(self) -> dict[str, Any]:
        """The labelled values at the top of the summary."""
        rows = calamine_rows(self.path, "Summary")
        return {row[0]: row[1] for row in rows[1 : rows.index([""] * 7)]}

    def table(self, heading: str) -> list[list[Any]]:
        """The lines below a header of the summary."""
        rows = calamine_rows(self.path, "Summary")
        below = rows[[row[0] for row in rows].index(heading) + 1 :]
        end = [row[0] for row in below].index("") if [""] * 7 in below else None
        return [[each for each in row if each != ""] for row in below[:end]]


@pytest.fixture
def report(make_context: MakeContext, tmp_path: Path) -> Callable[..., Report]:
    """Makes a report as the busy user, or as another one."""

    def make(owner: UUID | None = None, **params: Any) -> Report:
        whose = {} if owner is None else {"owner": owner}
        context = make_context(tmp_path, **whose)
        job_type = ActivityReport()
        return Report(context, job_type.run(context, JobTypes.validate(job_type, params)))

    return make


def at(number: int) -> datetime:
    """When `add_jobs` lets its job of this number be accepted; calamine knows no zones."""
    return datetime(2020, 1, 1) + timedelta(minutes=number)  # noqa: DTZ001


def test_every_value_of_every_job_is_right(report: Callable[..., Report]) -> None:
    made = report()
    rows = made.rows("Jobs")
    assert made.numbers() == list(range(COUNT))
    for number, row in enumerate(rows):
        failed = number % 5 == 3
        assert row["Type"] == ["add", "excel_test", "wait"][number % 3]
        assert row["State"] == [*["succeeded"] * 3, "failed", "cancelled"][number % 5]
        assert row["Accepted (UTC)"] in {at(number), at(number).date()}
        assert row["Started (UTC)"] == at(number) + timedelta(seconds=2)
        assert row["Finished (UTC)"] == at(number) + timedelta(seconds=2 + number % 10)
        assert (row["Waited (s)"], row["Ran (s)"]) == (2, number % 10)
        assert (row["Progress"], row["Attempts"]) == (1, 1)
        assert row["Error code"] == ("job_failed" if failed else "")
        assert row["Error message"] == (f"=1+1 failed number {number}" if failed else "")
    assert UUID(rows[0]["Job"])
    assert made.result == {"jobs": COUNT, "notifications": COUNT}
    assert made.titles == ["Summary", "Jobs", "Notifications"]


def test_notifications_and_the_log_name_their_jobs(report: Callable[..., Report]) -> None:
    made = report(include_log=True)
    jobs = {row["Job"]: row for row in made.rows("Jobs")}
    notifications = made.rows("Notifications")
    assert [row["Number"] for row in notifications] == list(range(1, COUNT + 1))
    for number, row in enumerate(notifications):
        assert jobs[row["Job"]]["Parameters"] == f'{{"number": {number}}}'
        assert row["Title"] == f"{jobs[row['Job']]['Type']}: {jobs[row['Job']]['State']}"
        assert row["Created (UTC)"] == at(number + 1) or row["Created (UTC)"] == at(60).date()
        assert row["Read (UTC)"] == ""
    log = made.rows("Log")
    assert [row["Job"] for row in log] == list(jobs)
    assert {row["Event"] for row in log} == {"accepted"}
    assert made.result == {"jobs": COUNT, "notifications": COUNT, "log": COUNT}


def test_the_summary_counts_what_the_sheets_hold(
    report: Callable[..., Report], busy_user: UUID
) -> None:
    made = report()
    facts = made.facts()
    assert facts["Account"] == f"{busy_user}@example.com"
    assert abs(facts["Made"] - datetime.now(UTC).replace(tzinfo=None)) < timedelta(minutes=5)
    assert (facts["From"], facts["To"]) == ("the beginning", "now")
    assert (facts["Types"], facts["States"]) == ("all", "all")
    assert (facts["Jobs"], facts["Notifications"]) == (COUNT, COUNT)
    assert facts["Unread notifications"] == COUNT
    assert "Note" not in facts
    counts = {"succeeded": 120, "failed": 40, "cancelled": 40}
    assert made.table("State") == [[state, counts.get(state, 0)] for state in STATES]
    numbers = {kind: range(start, COUNT, 3) for start, kind in enumerate(("add", "excel_test"))}
    for kind, jobs in numbers.items():
        (line,) = [each for each in made.table("Type") if each[0] == kind]
        ran = [number % 10 for number in jobs]
        ends = [sum(number % 5 in which for number in jobs) for which in ({0, 1, 2}, {3}, {4})]
        assert line[:5] == [kind, len(jobs), *ends]
        assert line[5:] == pytest.approx([sorted(ran)[len(ran) // 2], sum(ran) / len(ran)])


def test_the_summary_has_a_native_chart_of_the_states(report: Callable[..., Report]) -> None:
    book = openpyxl.load_workbook(report().path)
    summary = book["Summary"]
    assert book.active is summary
    (chart,) = summary._charts
    (series,) = chart.series
    column, cells = series.val.numRef.f.rsplit("!", 1)
    assert column == "'Summary'"
    assert [cell[0].value for cell in summary[cells.replace("$", "")]] == [0, 0, 0, 120, 40, 40]


def test_headers_stay_in_view_and_offer_filters(report: Callable[..., Report]) -> None:
    book = openpyxl.load_workbook(report(include_log=True).path)
    for title in ("Jobs", "Notifications", "Log"):
        sheet = book[title]
        assert sheet.freeze_panes == "A2"
        assert sheet.auto_filter.ref == sheet.dimensions
        assert sheet["A1"].font.b
    assert book["Jobs"]["F2"].number_format == "yyyy-mm-dd hh:mm:ss"


@pytest.mark.parametrize(
    ("params", "belongs"),
    [
        ({"types": ["wait"]}, lambda number: number % 3 == 2),
        ({"types": ["wait", "add"]}, lambda number: number % 3 != 1),
        ({"states": ["failed"]}, lambda number: number % 5 == 3),
        ({"states": ["failed", "cancelled"]}, lambda number: number % 5 > 2),
        ({"types": ["add"], "states": ["failed"]}, lambda number: number % 15 == 3),
        ({"types": ["gone_long_ago"]}, lambda number: False),
        ({"states": ["running"]}, lambda number: False),
        ({"since": "2020-01-01", "until": "2020-01-01"}, lambda number: True),
        ({"until": "2019-12-31"}, lambda number: False),
        ({"since": "2020-01-02"}, lambda number: False),
        ({"since": "0001-01-01", "until": "9999-12-31"}, lambda number: True),
    ],
)
def test_filters_hold_for_jobs_their_notifications_and_their_log(
    report: Callable[..., Report], params: dict[str, Any], belongs: Callable[[int], bool]
) -> None:
    made = report(**params, include_log=True)
    expected = [number for number in range(COUNT) if belongs(number)]
    assert made.numbers() == expected
    assert [row["Number"] for row in made.rows("Notifications")] == [each + 1 for each in expected]
    assert [row["Job"] for row in made.rows("Log")] == [row["Job"] for row in made.rows("Jobs")]
    facts = made.facts()
    assert facts["Jobs"] == facts["Notifications"] == len(expected)
    assert ("Note" in facts) is (not expected)
    assert facts["Types"] == (", ".join(params.get("types", [])) or "all")
    assert facts["States"] == (", ".join(params.get("states", [])) or "all")
    if "since" in params:
        assert str(facts["From"]).startswith(params["since"])


def test_days_are_whole_days_of_utc(report: Callable[..., Report], database_url: str) -> None:
    user_id, _ = add_user(database_url)
    add_jobs(database_url, user_id, 2 * 1440 + 1)  # two days and the first minute of the third
    second = report(user_id, since="2020-01-02", until="2020-01-02")
    assert second.numbers() == list(range(1440, 2880))
    assert report(user_id, since="2020-01-03").numbers() == [2880]


def test_many_rows_that_postgres_has_not_counted_yet_take_no_longer(
    report: Callable[..., Report], database_url: str
) -> None:
    query(database_url, "ANALYZE")
    user_id, _ = add_user(database_url)
    add_jobs(database_url, user_id, 20_000, log=False)
    before = time.monotonic()
    assert report(user_id, states=["failed"]).result == {"jobs": 4000, "notifications": 4000}
    # A second. Where each row is compared with each, it is more than half a minute.
    assert time.monotonic() - before < 15


@pytest.mark.parametrize(
    ("params", "name"),
    [
        ({"since": "2026-11-01", "until": "2026-11-21"}, "activity_2026-11-01_to_2026-11-21.xlsx"),
        ({"until": "2026-11-21"}, "activity_to_2026-11-21.xlsx"),
        ({"since": "9999-12-31"}, "activity_9999-12-31_to_9999-12-31.xlsx"),
    ],
)
def test_the_file_is_named_after_the_period(
    report: Callable[..., Report], params: dict[str, Any], name: str
) -> None:
    assert report(**params).path.name == name


def test_without_a_last_day_the_file_is_named_after_today(report: Callable[..., Report]) -> None:
    before = datetime.now(UTC).date()
    name = report(since="2020-01-01").path.name
    assert name in {
        f"activity_2020-01-01_to_{day}.xlsx" for day in (before, datetime.now(UTC).date())
    }


def test_a_user_who_did_nothing_gets_empty_sheets_and_a_note(
    report: Callable[..., Report], database_url: str
) -> None:
    user_id, _ = add_user(database_url)
    made = report(user_id, include_log=True)
    assert made.titles == ["Summary", "Jobs", "Notifications", "Log"]
    for title in made.titles[1:]:
        assert len(calamine_rows(made.path, title)) == 1
    assert "nothing that fits" in made.facts()["Note"]
    assert made.table("State") == [[state, 0] for state in STATES]


def all_text(path: Path) -> str:
    """Everything that stands in any cell."""
    book = openpyxl.load_workbook(path)
    return "\n".join(
        str(cell) for sheet in book for row in sheet.iter_rows(values_only=True) for cell in row
    )


def test_of_two_users_neither_report_holds_anything_of_the_other(
    report: Callable[..., Report], database_url: str
) -> None:
    users = [add_user(database_url, role) for role in ("user", "admin")]
    for user_id, _ in users:
        add_jobs(database_url, user_id, 30)
    texts = [all_text(report(user_id, include_log=True).path) for user_id, _ in users]
    for mine, others in ((0, 1), (1, 0)):
        user_id, email = users[others]
        ids = query(database_url, "SELECT id::text FROM jobs WHERE user_id = %s", str(user_id))
        assert len(ids) == 30
        for secret in (email, *(job_id for (job_id,) in ids)):
            assert secret in texts[others]
            assert secret not in texts[mine]


def test_what_the_user_hid_is_left_out_and_what_is_about_no_job_is_in(
    report: Callable[..., Report], database_url: str
) -> None:
    user_id, _ = add_user(database_url)
    now = datetime.now(UTC)
    for number, (title, hidden) in enumerate([("shown", None), ("hidden", now)], 1):
        query(database_url, ADD_NOTIFICATION, str(user_id), number, title, now, now, hidden)
    made = report(user_id)
    (row,) = made.rows("Notifications")
    assert (row["Title"], row["Job"]) == ("shown", "")
    assert row["Read (UTC)"] == row["Created (UTC)"]
    assert made.facts()["Unread notifications"] == 0
    assert "hidden" not in all_text(made.path)
    # With a filter for jobs, only what is about such jobs.
    assert report(user_id, states=list(STATES)).rows("Notifications") == []


def test_progress_moves_over_all_sheets(make_context: MakeContext, tmp_path: Path) -> None:
    context = make_context(tmp_path)
    job_type = ActivityReport()
    job_type.run(context, JobTypes.validate(job_type, {"include_log": True}))
    assert context.reports == [
        (0, "Counting"),
        (1 / 3, "Jobs; 200 of 600 rows"),
        (2 / 3, "Notifications; 400 of 600 rows"),
        (1, "Log; 600 of 600 rows"),
    ]
