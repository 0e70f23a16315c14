"""The main path, on real servers: start, watch, wait, download, be rung."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import openpyxl
import pytest

from app.client import Closed, Job, JobCancelled, JobFailed, JobTimeout, Refused, Ringback, State
from tests.client.support import PASSWORD
from tests.support.api import Api
from tests.support.stack import AppServer, Stack
from tests.support.waiting import wait_for

ROOT = Path(__file__).resolve().parents[2]


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


@pytest.fixture
def ringback(stack: Stack, user: Api) -> Iterator[Ringback]:
    with Ringback(stack.url, email=user.email, password=PASSWORD) as ringback:
        yield ringback


def test_a_job_that_failed_raises_its_own_code_and_message(ringback: Ringback) -> None:
    with pytest.raises(JobFailed, match="nothing to report") as failed:
        ringback.run("refuses")
    assert failed.value.code == "nothing_to_report"
    assert failed.value.job.state == "failed"


def test_a_job_too_large_for_its_events_is_known_whole_at_its_end(ringback: Ringback) -> None:
    comments: set[str] = set()
    wait_for(lambda: ringback._watches.is_live, "the connection")
    for _ in range(3):
        job = ringback.run(
            "excel_test",
            rows=5,
            comment="x" * 20_000,
            on_progress=lambda job: comments.add(job.view["params"]["comment"]),
        )
        assert job.result is not None
        assert job.view == ringback.job(job.id).view
    assert comments == {"x" * 20_000}


def test_a_large_job_out_of_a_list_is_known_whole_as_soon_as_it_is_looked_at(
    ringback: Ringback,
) -> None:
    job = ringback.run("excel_test", rows=5, comment="x" * 20_000)
    (found,) = [each for each in ringback.jobs() if each.id == job.id]
    assert found.state == "succeeded"
    assert found.result == job.result
    assert found.view == job.view
    assert found.view["params"]["comment"] == "x" * 20_000


def test_a_cancelled_job_raises_that_it_was(ringback: Ringback) -> None:
    job = ringback.submit("wait", seconds=60)
    with pytest.raises(JobTimeout, match=job.id) as late:
        job.wait(timeout=0.2)
    assert isinstance(late.value, TimeoutError)
    assert late.value.job is job
    job.cancel()
    with pytest.raises(JobCancelled) as cancelled:
        ringback.wait(job)
    assert cancelled.value.job.state == "cancelled"


def test_jobs_are_found_again_by_id_state_and_type(ringback: Ringback) -> None:
    first = ringback.run("add", a=1, b=2)
    second = ringback.run("excel_test", {"rows": 5})
    assert [each.id for each in ringback.jobs()] == [second.id, first.id]
    assert [each.id for each in ringback.jobs(job_type="add")] == [first.id]
    assert [each.id for each in ringback.jobs(state="failed")] == []
    assert ringback.job(first.id).result == ringback.result(first.id) == {"sum": 3}
    with pytest.raises(Refused) as refused:
        ringback.job(str(uuid4()))
    assert refused.value.status == 404


def test_the_inbox_is_read_and_marked(ringback: Ringback, user: Api) -> None:
    for number in (1, 2):
        ringback.run("add", a=number, b=0)
    wait_for(lambda: user.head() == 2, "both notifications")
    assert [each["seq"] for each in ringback.notifications()] == [1, 2]
    assert [each["seq"] for each in ringback.notifications(after=1)] == [2]
    assert ringback.mark_read(1) == 1
    assert ringback.mark_read(2) == 0


def test_many_threads_share_one_client(ringback: Ringback) -> None:
    def work(number: int) -> object:
        return ringback.run("add", a=number, b=number).result

    with ThreadPoolExecutor(12) as pool:
        assert list(pool.map(work, range(24))) == [{"sum": 2 * each} for each in range(24)]


def test_a_progress_callback_that_raises_does_not_end_the_run(
    ringback: Ringback, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(job: Job) -> None:
        raise RuntimeError(job.state)

    assert ringback.run("add", a=1, b=1, on_progress=fail).result == {"sum": 2}
    assert "on_progress raised" in caplog.text


def test_a_closed_client_says_so_and_wakes_who_waits(stack: Stack, user: Api) -> None:
    ringback = Ringback(stack.url, email=user.email, password=PASSWORD)
    ringback.open()
    job = ringback.submit("wait", seconds=60)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(job.wait)
        ringback.close()
        with pytest.raises(Closed):
            waiting.result(20)
    with pytest.raises(Closed):
        ringback.job(job.id)
    user.ok("POST", f"/v1/jobs/{job.id}/cancel")


SCRIPT = """
import sys
from app.client import Ringback

ringback = Ringback(sys.argv[1], access_token=sys.argv[2])
ringback.open()
try:
    print(ringback.submit("wait", seconds=120).id, flush=True)
    ringback.run("wait", seconds=120)
finally:
    if sys.argv[3] == "close":
        ringback.close()
"""


@pytest.mark.parametrize("end", ["close", "leave"])
def test_a_script_is_interrupted_promptly_and_without_a_warning(
    stack: Stack, user: Api, end: str
) -> None:
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", SCRIPT]
    process = subprocess.Popen(
        [*command, stack.url, user.token, end],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    first = process.stdout.readline().strip()
    wait_for(lambda: len(user.ok("GET", "/v1/jobs")["items"]) == 2, "the second job")
    time.sleep(0.5)  # it waits for its end now
    begin = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    seconds = time.monotonic() - begin
    for job in user.ok("GET", "/v1/jobs")["items"]:
        user.ok("POST", f"/v1/jobs/{job['id']}/cancel")
    assert first, errors
    assert process.returncode == -signal.SIGINT
    assert errors.splitlines()[-1] == "KeyboardInterrupt"
    assert "Warning" not in errors
    assert errors.count("Traceback") == 1
    assert seconds < 20
