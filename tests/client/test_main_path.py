"""The main path, on real servers: start, watch, wait, download, be rung."""

from pathlib import Path
from typing import Any

import openpyxl
import pytest

from app.client import Job, JobCancelled, JobFailed, Ringback, State
from tests.support.api import Api
from tests.support.stack import AppServer, Stack
from tests.support.waiting import wait_for

PASSWORD = "a long password"


@pytest.fixture(params=["eventlet", "gevent"])
def server(request: pytest.FixtureRequest, stack: Stack) -> AppServer:
    return stack.server_under(request.param)


def test_a_job_is_run_watched_rung_and_downloaded(
    server: AppServer, user: Api, tmp_path: Path
) -> None:
    rung: list[dict[str, Any]] = []
    seen: list[tuple[int, float]] = []
    states: list[State] = []

    def watch(job: Job) -> None:
        seen.append((job.view["version"], job.progress))

    with Ringback(
        server.url,
        email=user.email,
        password=PASSWORD,
        after=0,
        on_notification=rung.append,
        on_state=states.append,
    ) as ringback:
        job = ringback.run("excel_test", rows=20_000, on_progress=watch)
        file = job.download(tmp_path)
        wait_for(lambda: ringback.cursor == 1, "the notification")
        wait_for(lambda: State("live") in states, "the state")

    assert (job.state, job.result) == ("succeeded", user.job(job.id)["result"])
    workbook = openpyxl.load_workbook(file, read_only=True)
    assert sum(1 for _ in workbook["Rows"].iter_rows()) == 20_001
    workbook.close()
    assert [each["seq"] for each in rung] == [1]
    assert rung[0]["job_id"] == job.id
    versions = [version for version, _ in seen]
    assert versions == sorted(set(versions))
    assert seen[-1][1] == 1.0
    assert [each.name for each in states][:1] == ["connecting"]
