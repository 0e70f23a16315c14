"""Jobs that would take their worker along: each ends by itself, and the next one runs."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.faults.cluster import Cluster
from tests.faults.ledger import Client
from tests.support.waiting import wait_for
from tests.uploads import files

MEGABYTE = 1 << 20
CLUSTER = {
    "RINGBACK_WORKER_PROCESSES": "1",  # so that the next job runs where the last one did
    "RINGBACK_MAX_ARTIFACT_BYTES": str(4 * MEGABYTE),
    "RINGBACK_MAX_JOB_MEMORY_BYTES": str(400 * MEGABYTE),
}


def misbehave(user: Client, trick: str) -> dict[str, Any]:
    return user.run("misbehaves", trick=trick)


def error_of(job: dict[str, Any]) -> tuple[str, str]:
    return job["state"], job["error"]["code"]


def pids_of(cluster: Cluster) -> set[int]:
    return {each.pid for each in psutil.Process(cluster.worker.pid).children(recursive=True)}


def lines_of(log: Path) -> Iterator[dict[str, Any]]:
    """The records of a log; fails if a line is none."""
    for line in log.read_bytes().splitlines():
        yield json.loads(line)


@pytest.fixture(autouse=True)
def the_worker_lives_on(cluster: Cluster, user: Client) -> Iterator[None]:
    """After each trick, the next job runs normally, in the worker's one process for jobs."""
    has_one_process(cluster)
    yield
    after = user.run("misbehaves")
    assert (after["state"], after["attempt"]) == ("succeeded", 1)
    assert cluster.worker.is_running
    has_one_process(cluster)


def has_one_process(cluster: Cluster) -> None:
    """Waits, because a worker that was only just started has none yet."""
    wait_for(lambda: len(pids_of(cluster)) == 1, "the worker's one process for jobs")


@pytest.mark.parametrize("trick", ["write_two_gigabytes", "write_and_ignore_errors"])
def test_a_job_that_writes_two_gigabytes_fails_at_the_limit_and_leaves_nothing(
    cluster: Cluster, user: Client, trick: str
) -> None:
    job = misbehave(user, trick)
    assert error_of(job) == ("failed", "artifact_too_large")
    assert f"{4 * MEGABYTE:,}" in job["error"]["message"]
    assert list((cluster.folder / "artifacts").rglob(f"{job['id']}/*/*")) == []
    assert job["attempt"] == 1


@pytest.mark.parametrize("trick", ["allocate_blocks", "allocate_crumbs"])
def test_a_job_that_allocates_without_end_fails_at_the_limit(user: Client, trick: str) -> None:
    job = misbehave(user, trick)
    assert error_of(job) == ("failed", "memory_limit_exceeded")
    assert f"{400 * MEGABYTE:,}" in job["error"]["message"]
    assert "RINGBACK_MAX_JOB_MEMORY_BYTES" in job["error"]["message"]
    assert job["attempt"] == 1


def test_extract_text_of_a_workbook_whose_styles_take_too_much_memory_fails_at_the_limit(
    user: Client,
) -> None:
    """They are read as a whole, and take some eighty times as much as they unpack to."""
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    looks = "<xf/>" * (10 * MEGABYTE // 5)
    styles = f'<styleSheet xmlns="{space}"><cellXfs>{looks}</cellXfs></styleSheet>'
    workbook = files.changed(styles=styles.encode())
    upload = user.call("POST", "/v1/uploads", files={"file": ("a.xlsx", workbook)})
    assert upload.status_code == 201, upload.text
    job = user.run("extract_text", upload_id=upload.json()["id"])
    assert error_of(job) == ("failed", "memory_limit_exceeded")


@pytest.mark.parametrize(
    ("trick", "told"),
    [
        ("exit", "SystemExit: 3"),
        ("interrupt", "KeyboardInterrupt"),
        ("leave_generator", "GeneratorExit"),
        ("raise_unprintable", "Unprintable"),
        ("raise_unpicklable", "Unpicklable: holds a lock"),
        ("raise_in_a_circle", "ValueError: goes round"),
        (
            "write_with_a_nul_in_the_type",
            r"ValueError: not a media type, such as text/csv: 'text/\x00plain'",
        ),
    ],
)
def test_a_job_that_raises_what_cannot_be_caught_pickled_or_printed_fails_in_its_own_name(
    cluster: Cluster, user: Client, trick: str, told: str
) -> None:
    before = pids_of(cluster)
    job = misbehave(user, trick)
    assert error_of(job) == ("failed", "job_raised")
    assert job["error"]["message"] == told
    assert pids_of(cluster) == before
    (line,) = [each for each in lines_of(cluster.worker.log) if raised(each, job["id"])]
    assert told.partition(":")[0] in line["exception"]


def raised(line: dict[str, Any], job_id: str) -> bool:
    return line["event"] == "job raised" and line.get("job_id") == job_id


def test_a_code_that_cannot_be_stored_is_mended(user: Client) -> None:
    job = misbehave(user, "fail_with_a_nul_in_the_code")
    assert error_of(job) == ("failed", "un\ufffdknown")
    assert job["attempt"] == 1


def test_a_job_whose_end_cannot_be_stored_ends_at_once_all_the_same(
    cluster: Cluster, user: Client
) -> None:
    job = misbehave(user, "fail_with_a_number")
    assert error_of(job) == ("failed", "internal_error")
    assert user.story(job["id"]) == "accepted admitted claimed failed"
    why = [each for each in lines_of(cluster.worker.log) if each.get("job_id") == job["id"]]
    assert any(each["event"] == "end of job not stored as it was" for each in why)


def test_a_job_that_prints_binary_succeeds_and_the_log_stays_whole(
    cluster: Cluster, user: Client
) -> None:
    job = misbehave(user, "print_binary")
    assert job["state"] == "succeeded", job

    def printed() -> int:
        printed = [each for each in lines_of(cluster.worker.log) if each["event"] == "printed"]
        return sum("\\xff" in each["text"] for each in printed)

    wait_for(lambda: printed() >= 3, "what Python, the system, and another program printed")


@pytest.mark.parametrize("trick", ["fork", "fork_in_the_file"])
def test_a_job_that_forks_ends_once_and_its_copy_ends_where_it_leaves_the_work(
    cluster: Cluster, user: Client, trick: str
) -> None:
    before = pids_of(cluster)
    job = misbehave(user, trick)
    assert job["state"] == "succeeded"
    assert job["result"]["copy"] == 0
    assert {job["result"]["pid"]} == before == pids_of(cluster)
    assert user.story(job["id"]) == "accepted admitted claimed succeeded"
    if trick == "fork_in_the_file":
        assert user.call("GET", f"/v1/jobs/{job['id']}/result").text == "begun and ended"


def test_the_copy_of_a_forked_job_may_not_use_the_context(user: Client) -> None:
    job = misbehave(user, "fork_and_use_the_context")
    assert job["state"] == "succeeded"
    assert job["result"]["copy"] == job["result"]["refusals"]


def test_a_process_that_is_told_to_end_alone_ends_its_job_first(
    cluster: Cluster, user: Client
) -> None:
    assert misbehave(user, "get_terminated")["state"] == "succeeded"
