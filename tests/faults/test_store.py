"""The store of result files full, read-only, gone and slow."""

from pathlib import Path
from typing import Any

import pytest

from tests.faults.cluster import Cluster
from tests.faults.ledger import Client
from tests.support.database import query
from tests.support.waiting import wait_for

RETRIED = "accepted admitted claimed retrying claimed succeeded"
# Whether its first lease is over, and the job is still held.
OUTLIVED = """
SELECT now() > started_at + interval '4 s' AND lease_expires_at > now() FROM jobs WHERE id = %s
"""


def files_of(cluster: Cluster, job_id: str) -> list[Path]:
    return list((cluster.folder / "artifacts").rglob(f"{job_id}/**/*"))


def reasons(user: Client, job_id: str) -> list[dict[str, Any]]:
    return [line for line in user.log(job_id) if line["event"] == "retrying"]


@pytest.mark.parametrize(
    ("point", "error", "code", "mend"),
    [
        ("store.write", "ENOSPC", "storage_full", "free"),
        ("store.half", "ENOSPC", "storage_full", "free"),
        ("store.written", "ENOSPC", "storage_full", "free"),
        ("store.write", "EROFS", "storage_unavailable", "RINGBACK_ARTIFACT_DIR"),
    ],
)
def test_a_job_waits_out_a_store_that_is_full_or_read_only(
    cluster: Cluster, user: Client, point: str, error: str, code: str, mend: str
) -> None:
    broken = cluster.points.arm(point, f"raise:{error}", keep=True)
    job = user.submit("steps")["id"]
    wait_for(lambda: reasons(user, job), "the retry")
    # The attempt after it may be writing by now.
    wait_for(lambda: not files_of(cluster, job), "the folder without a file")
    broken.disarm()
    cluster.ledger.fault_is_over()
    assert user.end_of(job)["state"] == "succeeded"
    for line in reasons(user, job):
        assert line["data"]["code"] == code
        assert mend in line["message"]
        assert line["data"]["delay_seconds"] > 0


def test_a_store_that_stays_full_fails_the_job_after_its_attempts_and_tells_the_cause(
    cluster: Cluster, user: Client
) -> None:
    cluster.points.arm("store.half", "raise:EDQUOT", keep=True)
    job = user.run("fails_for_now", times=0)
    cluster.ledger.fault_is_over()
    assert (job["state"], job["error"]["code"]) == ("failed", "storage_full")
    assert job["attempt"] == job["max_attempts"] == 3
    (told,) = user.notifications()
    assert "no room" in told["body"]


def test_a_disk_that_is_full_in_the_middle_of_a_file_is_the_stores_fault_not_the_jobs(
    cluster: Cluster, user: Client
) -> None:
    job = user.run("misbehaves", trick="fill_disk")
    assert (job["state"], job["attempt"]) == ("succeeded", 2)
    assert user.story(job["id"]) == RETRIED
    (line,) = reasons(user, job["id"])
    assert line["data"]["code"] == "storage_full"


def test_an_error_of_the_jobs_own_code_is_not_taken_for_one_of_the_store(user: Client) -> None:
    job = user.run("misbehaves", trick="meet_a_full_disk_of_its_own")
    assert (job["state"], job["error"]["code"]) == ("failed", "job_raised")
    assert job["attempt"] == 1


def test_a_slow_store_delays_its_job_and_costs_nothing_else(cluster: Cluster, user: Client) -> None:
    slow = cluster.points.arm("store.written", "hold")
    job = user.submit("steps")["id"]
    slow.wait()
    assert user.run("add", a=1, b=2)["state"] == "succeeded"
    wait_for(lambda: query(cluster.database_url, OUTLIVED, job) == [(True,)], "a second lease")
    slow.release()
    cluster.ledger.fault_is_over()
    assert user.end_of(job)["state"] == "succeeded"
    assert user.story(job) == "accepted admitted claimed succeeded"


def test_a_file_that_cannot_be_removed_does_not_keep_a_failed_job_from_ending(
    cluster: Cluster, user: Client
) -> None:
    stuck = cluster.points.arm("store.discard", "raise:EROFS", keep=True)
    job = user.run("raises")
    assert (job["state"], job["error"]["code"]) == ("failed", "job_raised")
    wait_for(stuck.fired, "a try to remove the file")  # the audit sees that the sweep has done it
    cluster.ledger.fault_is_over()
