"""The largest promise about workbooks: a million rows, flat memory, every value right."""

from pathlib import Path

import pytest

from tests.job_types.excel_check import check_workbook
from tests.support.memory import PeakMemory
from tests.support.stack import Stack
from tests.support.waiting import wait_for

ROWS = 1_000_000
MAX_BYTES = 200 * 1024 * 1024


@pytest.mark.timeout(900)
def test_a_million_rows_stay_under_200_mb_and_every_value_is_right(
    stack: Stack, tmp_path: Path
) -> None:
    user = stack.new_user()
    stack.worker.restart()  # what other types of jobs have loaded stays in its memory
    job_id = user.submit("excel_test", rows=ROWS)["id"]
    wait_for(lambda: user.job(job_id)["state"] == "running", "the claim")
    with PeakMemory(stack.worker.pid) as peak:
        job = user.end_of(job_id, seconds=600)
    assert job["state"] == "succeeded", job["error"]
    assert 20_000_000 < peak.bytes < MAX_BYTES
    path = tmp_path / job["artifact"]["name"]
    with user.call("GET", job["artifact"]["url"], stream=True) as response, path.open("wb") as file:
        for chunk in response.iter_content(1 << 20):
            file.write(chunk)
    check_workbook(path, ROWS)
