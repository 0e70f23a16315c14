"""`number_crunch`, `countdown` and `chart` from a request through a worker to the result."""

import io
from typing import Any

import openpyxl
import pytest
from PIL import Image

from app.charts.chart import KINDS
from tests.support.api import Api
from tests.support.waiting import wait_for


def test_number_crunch_takes_a_list_and_a_changed_list_follows_it(user: Api) -> None:
    first = user.run("number_crunch", numbers=[2, 3, 2**60], operations=["sum", "mul"])
    assert first["state"] == "succeeded", first["error"]
    assert first["result"] == {"sum": str(2**60 + 5), "mul": str(6 * 2**60)}
    answer = user.call("GET", f"/v1/jobs/{first['id']}/result")
    book = openpyxl.load_workbook(io.BytesIO(answer.content))
    assert book.sheetnames == ["Results", "Numbers"]
    changed = {"params": {"numbers": [0.1, 0.2], "operations": ["sum"]}}
    second = user.ok("POST", f"/v1/jobs/{first['id']}/retry", json=changed)
    assert second["follows"] == first["id"]
    assert user.end_of(second["id"])["result"] == {"sum": 0.3}
    assert user.job(first["id"])["result"] == first["result"]


def test_number_crunch_of_what_postgres_writes_without_an_exponent_is_whole(user: Api) -> None:
    job = user.run("number_crunch", numbers=[1e308, 1e22, 5.0], operations=["max", "min", "sum"])
    assert job["result"] == {"max": str(10**308), "min": 5, "sum": str(10**308 + 10**22 + 5)}


def test_number_crunch_refuses_bad_numbers_before_there_is_a_job(user: Api) -> None:
    for sent in ("NaN", "Infinity", "1e400", '"7"', "true"):
        body = f'{{"type": "number_crunch", "params": {{"numbers": [1, {sent}], "operations": ["sum"]}}}}'
        answer = user.call(
            "POST", "/v1/jobs", data=body, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code in (400, 422), sent
        assert answer.status_code == 400 or "params.numbers.1" in answer.text, answer.text
    million: dict[str, Any] = {"numbers": [7] * 1_000_000, "operations": ["sum"]}
    answer = user.call("POST", "/v1/jobs", json={"type": "number_crunch", "params": million})
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert user.ok("GET", "/v1/jobs")["items"] == []


def test_number_crunch_of_a_product_without_end_fails_and_says_why(user: Api) -> None:
    job = user.run("number_crunch", numbers=[9] * 100_000, operations=["sum", "mul"])
    assert (job["state"], job["error"]["code"]) == ("failed", "result_too_large")
    assert "mul" in job["error"]["message"]


def test_countdown_shows_its_progress_and_can_be_cancelled(user: Api) -> None:
    job_id = user.submit("countdown", total=1000, seconds=0.2)["id"]
    wait_for(lambda: 0 < user.job(job_id)["progress"] < 1, "progress of the count", 60)
    assert " of 1,000" in user.job(job_id)["progress_message"]
    user.ok("POST", f"/v1/jobs/{job_id}/cancel")
    assert user.end_of(job_id)["state"] == "cancelled"


def test_chart_is_a_picture_in_the_notification_of_its_job(user: Api) -> None:
    job = user.run("chart", kind="bar", series=[{"name": "A", "x": ["x", "y"], "y": [1, 2]}])
    assert job["state"] == "succeeded", job["error"]
    assert job["artifact"]["media_type"] == "image/png"
    answer = user.call("GET", f"/v1/jobs/{job['id']}/result")
    assert Image.open(io.BytesIO(answer.content)).size == (960, 540)
    (told,) = user.notifications()
    assert told["data"]["artifact"]["media_type"] == "image/png"


@pytest.mark.parametrize("kind", KINDS)
def test_chart_draws_numbers_that_come_back_from_postgres_as_large_whole_ones(
    user: Api, kind: str
) -> None:
    series: dict[str, object] = {"y": [1e50, 2**63, 0.5]}
    if kind != "histogram":
        series["x"] = [1e30, 2**64, 1]
    job = user.run("chart", kind=kind, series=[series])
    assert job["state"] == "succeeded", job["error"]
    assert "1e+50" in job["result"]["description"]
