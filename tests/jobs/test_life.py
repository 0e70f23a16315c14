"""A job from its submission to its end, on real processes."""

import hashlib
import io

import openpyxl

from tests.support.api import Api
from tests.support.database import query
from tests.support.stack import Stack
from tests.support.waiting import wait_for


def test_a_job_is_accepted_with_its_address(user: Api) -> None:
    response = user.call("POST", "/v1/jobs", json={"type": "add", "params": {"a": 1, "b": 2}})
    assert response.status_code == 202
    job = response.json()
    assert response.headers["Location"] == f"/v1/jobs/{job['id']}"
    assert job["state"] in {"waiting", "queued"}
    assert job["progress"] == 0


def test_the_result_of_a_small_job_is_in_its_row(user: Api) -> None:
    job = user.run("add", a=20, b=22)
    assert job["state"] == "succeeded"
    assert job["result"] == {"sum": 42}
    assert job["progress"] == 1
    assert job["started_at"] <= job["finished_at"]


def test_the_log_of_a_job_tells_each_step_in_order(user: Api) -> None:
    job = user.run("add", a=1, b=1)
    page = user.ok("GET", f"/v1/jobs/{job['id']}/events")
    assert [each["event"] for each in page["items"]] == [
        "accepted",
        "admitted",
        "claimed",
        "succeeded",
    ]
    times = [each["at"] for each in page["items"]]
    assert times == sorted(times)


def test_the_log_is_paged_without_loss(user: Api) -> None:
    path = f"/v1/jobs/{user.run('add', a=1, b=1)['id']}/events"
    first = user.ok("GET", f"{path}?limit=3")
    second = user.ok("GET", path, params={"limit": 3, "cursor": first["next"]})
    assert len(first["items"]) == 3
    assert [each["event"] for each in second["items"]] == ["succeeded"]
    assert second["next"] is None


def test_the_workbook_downloads_whole_and_opens(user: Api) -> None:
    job = user.end_of(user.ok("POST", "/v1/create_excel_test", json={"rows": 50})["id"])
    response = user.call("GET", job["artifact"]["url"])
    assert response.status_code == 200
    assert len(response.content) == job["artifact"]["size"]
    assert hashlib.sha256(response.content).hexdigest() == job["artifact"]["sha256"]
    assert response.headers["ETag"].strip('"') == job["artifact"]["sha256"]
    assert job["artifact"]["name"] in response.headers["Content-Disposition"]
    assert response.headers["Content-Disposition"].startswith("attachment")
    assert len(openpyxl.load_workbook(io.BytesIO(response.content)).sheetnames) >= 2


def test_the_short_form_needs_no_body(user: Api) -> None:
    job = user.ok("POST", "/v1/create_excel_test")
    assert job["params"]["rows"] == 1000


def test_a_part_of_the_file_can_be_asked_for(user: Api) -> None:
    job = user.end_of(user.ok("POST", "/v1/create_excel_test", json={"rows": 5})["id"])
    url, size = job["artifact"]["url"], job["artifact"]["size"]
    whole = user.call("GET", url).content
    part = user.call("GET", url, headers={"Range": "bytes=10-19"})
    assert part.status_code == 206
    assert part.content == whole[10:20]
    assert part.headers["Content-Range"] == f"bytes 10-19/{size}"
    beyond = user.call("GET", url, headers={"Range": f"bytes={size}-"})
    assert beyond.status_code == 416
    unchanged = user.call("GET", url, headers={"If-None-Match": f'"{job["artifact"]["sha256"]}"'})
    assert unchanged.status_code == 304
    assert unchanged.content == b""


def test_a_job_without_a_file_says_so(user: Api) -> None:
    job = user.run("add", a=1, b=1)
    response = user.call("GET", f"/v1/jobs/{job['id']}/result")
    assert response.status_code == 404
    assert response.json()["code"] == "artifact_not_found"


def test_a_file_that_is_gone_from_the_store_says_so(user: Api, stack: Stack) -> None:
    job = user.end_of(user.ok("POST", "/v1/create_excel_test", json={"rows": 1})["id"])
    query(
        stack.database_url,
        "UPDATE artifacts SET expires_at = now() - interval '1 second' WHERE job_id = %s",
        job["id"],
    )
    path = f"/v1/jobs/{job['id']}"
    wait_for(lambda: user.ok("GET", path)["artifact"]["deleted"], "the expiry of the file")
    response = user.call("GET", f"{path}/result")
    assert (response.status_code, response.json()["code"]) == (404, "artifact_gone")
    file = stack.folder / "artifacts" / job["id"] / "1" / job["artifact"]["name"]
    wait_for(lambda: not file.exists(), "the removal of the file")


def test_a_job_whose_code_raises_fails_with_its_reason_and_the_worker_lives_on(
    user: Api, stack: Stack
) -> None:
    job = user.run("raises")
    assert job["state"] == "failed"
    assert job["error"]["code"] == "job_raised"
    assert job["error"]["message"] == "ZeroDivisionError: division by zero"
    assert job["artifact"] is None
    files = stack.folder / "artifacts" / job["id"]
    wait_for(lambda: not list(files.glob("**/*.txt")), "the removal of the half file")
    (notification,) = user.notifications()
    assert notification["type"] == "job.failed"
    assert notification["body"] == job["error"]["message"]
    assert user.run("add", a=1, b=1)["state"] == "succeeded"


def test_a_type_gives_the_reason_in_its_own_words(user: Api) -> None:
    job = user.run("refuses")
    assert job["error"]["code"] == "nothing_to_report"
    assert job["error"]["message"] == "There is nothing to report for this month."


def test_nonsense_from_a_type_fails_its_job_and_nothing_else(user: Api) -> None:
    job = user.run("returns_nonsense")
    assert job["state"] == "failed"
    assert "not JSON" in job["error"]["message"]


def test_jobs_are_listed_newest_first_in_pages_and_by_filter(user: Api) -> None:
    ids = [user.run("add", a=number, b=0)["id"] for number in range(3)]
    failed = user.run("refuses")["id"]
    first = user.ok("GET", "/v1/jobs?limit=3")
    rest = user.ok("GET", "/v1/jobs", params={"limit": 3, "cursor": first["next"]})
    assert [job["id"] for job in first["items"] + rest["items"]] == [failed, *reversed(ids)]
    assert rest["next"] is None
    only = user.ok("GET", "/v1/jobs?state=failed&type=refuses")
    assert [job["id"] for job in only["items"]] == [failed]
    since = user.ok("GET", "/v1/jobs", params={"since": first["items"][0]["created_at"]})
    assert [job["id"] for job in since["items"]] == [failed]


def test_the_catalogue_tells_all_that_a_form_needs(user: Api) -> None:
    catalogue = {each["name"]: each for each in user.ok("GET", "/v1/job-types")["items"]}
    assert {"add", "excel_test", "wait"} <= set(catalogue)
    assert catalogue["excel_test"]["parameters"]["properties"]["rows"]["maximum"] == 2_000_000


def test_the_inbox_is_readable_without_a_socket(user: Api) -> None:
    for number in range(3):
        user.run("add", a=number, b=0)
    assert [each["seq"] for each in user.notifications()] == [1, 2, 3]
    assert [each["seq"] for each in user.notifications(after=2)] == [3]
    assert user.ok("GET", "/v1/notifications/summary") == {"head": 3, "unread": 3, "read": 0}
    assert user.ok("POST", "/v1/notifications/read", json={"up_to": 2})["unread"] == 1
    assert user.notifications()[0]["read_at"] is not None


def test_an_expired_notification_keeps_its_number_and_nothing_else(user: Api, stack: Stack) -> None:
    user.run("add", a=1, b=1)
    query(
        stack.database_url,
        "UPDATE notifications SET expires_at = now() - interval '1 second' WHERE user_id = %s",
        user.user_id,
    )
    wait_for(lambda: user.notifications()[0]["tombstone"], "the expiry")
    (notification,) = user.notifications()
    assert notification["seq"] == 1
    assert (notification["title"], notification["data"]) == ("", {})
