"""`activity_report` as its users meet it: a request, a worker, a file."""

from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from tests.support.activity import add_jobs
from tests.support.api import Api
from tests.support.database import query
from tests.support.memory import PeakMemory
from tests.support.stack import Stack
from tests.support.waiting import wait_for
from tests.workbooks.reading import calamine_rows

MANY = 200_000
MAX_BYTES = 200 * 1024 * 1024
HOSTILE = "=1+1\ufffd \x01\x1b[31m _x0041_ \ufffd مرحبا 😀\r\n"


@pytest.fixture(scope="module")
def busy(stack: Stack) -> Api:
    """A user with very many jobs."""
    user = stack.new_user()
    add_jobs(stack.database_url, user.user_id, MANY, log=False)
    return user


def fetch(user: Api, job: dict[str, Any], folder: Path) -> Path:
    assert job["state"] == "succeeded", job["error"]
    path = folder / str(job["artifact"]["name"])
    path.write_bytes(user.call("GET", job["artifact"]["url"]).content)
    return path


def rows(path: Path, title: str) -> list[dict[str, Any]]:
    header, *lines = calamine_rows(path, title)
    return [dict(zip(header, line, strict=True)) for line in lines]


def reading(stack: Stack) -> list[tuple[Any, ...]]:
    """The processes of Postgres that hold a transaction open for a job that reads."""
    return query(
        stack.database_url,
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'ringback-worker'"
        " AND datname = current_database() AND state <> 'idle' AND query LIKE 'FETCH%%'",
        None,
    )


def test_a_report_tells_of_all_jobs_but_itself(user: Api, tmp_path: Path) -> None:
    jobs = [user.run("add", a=1, b=2), user.run("refuses"), user.run("excel_test", rows=3)]
    first = user.run("activity_report", include_log=True)
    path = fetch(user, first, tmp_path)
    assert path.name.startswith("activity_to_")
    found = rows(path, "Jobs")
    assert [row["Job"] for row in found] == [job["id"] for job in jobs]
    assert [row["State"] for row in found] == ["succeeded", "failed", "succeeded"]
    assert found[1]["Error message"] == jobs[1]["error"]["message"]
    assert (found[2]["File"], found[2]["File size"]) == (
        jobs[2]["artifact"]["name"],
        jobs[2]["artifact"]["size"],
    )
    assert [row["Job"] for row in rows(path, "Notifications")] == [job["id"] for job in jobs]
    events = [row["Event"] for row in rows(path, "Log") if row["Job"] == jobs[1]["id"]]
    assert events == ["accepted", "admitted", "claimed", "failed"]
    second = fetch(user, user.run("activity_report", types=["activity_report"]), tmp_path)
    assert [row["Job"] for row in rows(second, "Jobs")] == [first["id"]]


def test_a_file_that_was_deleted_says_since_when(user: Api, stack: Stack, tmp_path: Path) -> None:
    job = user.run("excel_test", rows=3)
    sql = "UPDATE artifacts SET deleted_at = '2026-01-02T03:04:05Z' WHERE job_id = %s"
    query(stack.database_url, sql, job["id"])
    (found,) = rows(fetch(user, user.run("activity_report"), tmp_path), "Jobs")
    assert found["File deleted (UTC)"] == datetime(2026, 1, 2, 3, 4, 5)  # noqa: DTZ001  # Excel's


def test_reports_of_two_users_and_of_an_administrator_keep_apart(
    user: Api, stack: Stack, tmp_path: Path
) -> None:
    other = stack.new_user()
    mine = {each: each.run("add", a=1, b=2)["id"] for each in (user, other, stack.admin)}
    for reader, job_id in mine.items():
        path = fetch(reader, reader.run("activity_report", include_log=True), tmp_path)
        book = openpyxl.load_workbook(path)
        cells = {cell for sheet in book for row in sheet.values for cell in row}
        assert job_id in cells
        assert not cells & {mine[each] for each in mine if each is not reader}
        assert not cells & {each.email for each in mine if each is not reader}


def test_hostile_words_of_a_job_arrive_as_words(user: Api, tmp_path: Path) -> None:
    failed = user.run("speaks_hostilely")
    assert failed["error"]["message"] == HOSTILE
    assert user.run("returns_hostile_text")["result"] == {"text": HOSTILE}
    path = fetch(user, user.run("activity_report", include_log=True), tmp_path)
    assert rows(path, "Jobs")[0]["Error message"] == HOSTILE
    notification = rows(path, "Notifications")[0]
    assert notification["Text"] == HOSTILE
    assert notification["Title"] == '=HYPERLINK("http://example.com"): failed'
    assert HOSTILE in [row["Message"] for row in rows(path, "Log")]
    for sheet in openpyxl.load_workbook(path):
        assert not [cell for line in sheet.iter_rows() for cell in line if cell.data_type == "f"]


def test_the_catalogue_tells_parameters_in_the_order_of_their_declaration(user: Api) -> None:
    catalogue = {each["name"]: each for each in user.ok("GET", "/v1/job-types")["items"]}
    parameters = catalogue["activity_report"]["parameters"]["properties"]
    assert list(parameters) == ["since", "until", "types", "states", "include_log"]


def test_wrong_filters_are_refused_at_their_fields(user: Api) -> None:
    params = {"since": "2026-01-02", "until": "2026-01-01", "states": ["lost"]}
    body = {"type": "activity_report", "params": params}
    response = user.call("POST", "/v1/jobs", json=body)
    assert response.status_code == 422
    assert set(response.json()["errors"]) == {"params.until", "params.states.0"}


def test_very_many_rows_take_little_memory_and_all_arrive(
    busy: Api, stack: Stack, tmp_path: Path
) -> None:
    stack.worker.restart()  # what other types of jobs have loaded stays in its memory
    with PeakMemory(stack.worker.pid) as peak:
        job = busy.end_of(busy.submit("activity_report", until="2020-12-31")["id"], seconds=120)
    assert job["result"] == {"jobs": MANY, "notifications": MANY}
    assert 20_000_000 < peak.bytes < MAX_BYTES
    path = fetch(busy, job, tmp_path)
    lines = calamine_rows(path, "Jobs")[1:]
    assert [line[11] for line in lines] == [f'{{"number": {number}}}' for number in range(MANY)]
    assert sum(line[9] for line in lines) == sum(number % 10 for number in range(MANY))
    numbers = [line[0] for line in calamine_rows(path, "Notifications")[1:]]
    assert numbers == list(range(1, MANY + 1))
    assert reading(stack) == []


def test_a_cancelled_report_leaves_no_transaction_open(busy: Api, stack: Stack) -> None:
    job_id = busy.submit("activity_report")["id"]
    wait_for(lambda: reading(stack), "the cursor")
    query(stack.database_url, "UPDATE jobs SET cancel_requested_at = now() WHERE id = %s", job_id)
    assert busy.end_of(job_id)["state"] == "cancelled"
    wait_for(lambda: reading(stack) == [], "the end of the transaction")


def test_a_report_whose_database_is_lost_on_the_way_is_tried_again_in_plain_words(
    busy: Api, stack: Stack
) -> None:
    path = f"/v1/jobs/{busy.submit('activity_report')['id']}"
    ((pid,),) = wait_for(lambda: reading(stack), "the cursor")
    query(stack.database_url, "SELECT pg_terminate_backend(%s)", pid)

    def retrying() -> list[dict[str, Any]]:
        log = busy.ok("GET", f"{path}/events")["items"]
        return [line for line in log if line["event"] == "retrying"]

    (line,) = wait_for(retrying, "the next try")
    assert line["data"]["code"] == "database_unavailable"
    assert "database" in line["message"]
    busy.ok("POST", f"{path}/cancel")
    assert busy.end_of(busy.ok("GET", path)["id"])["state"] == "cancelled"
    assert busy.run("add", a=1, b=2)["state"] == "succeeded"
