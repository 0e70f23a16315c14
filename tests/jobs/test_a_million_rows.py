"""The largest promise about workbooks: a million rows, flat memory, every value right."""

import threading
from pathlib import Path

import psutil
import pytest

from tests.job_types.excel_check import check_workbook
from tests.support.stack import Stack
from tests.support.waiting import wait_for

ROWS = 1_000_000
MAX_BYTES = 200 * 1024 * 1024


class PeakMemory:
    """The largest resident size that any process of a tree had, sampled while it lives."""

    def __init__(self, pid: int) -> None:
        self.bytes = 0
        self._pid = pid
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "PeakMemory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _watch(self) -> None:
        root = psutil.Process(self._pid)
        while not self._stopping.wait(0.2):
            for process in (root, *root.children(recursive=True)):
                self.bytes = max(self.bytes, process.memory_info().rss)


@pytest.mark.timeout(900)
def test_a_million_rows_stay_under_200_mb_and_every_value_is_right(
    stack: Stack, tmp_path: Path
) -> None:
    user = stack.new_user()
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
