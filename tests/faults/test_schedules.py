"""Periodic jobs, and beats that die in the middle of a tick or miss some."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from tests.faults.cluster import Cluster
from tests.faults.ledger import Client
from tests.support.database import query
from tests.support.waiting import wait_for

CLUSTER = {"beats": 2, "workers": 1}
DUE = "SELECT count(*) FROM schedules WHERE enabled AND next_run_at <= now()"
PASS = """
UPDATE schedules SET next_run_at = next_run_at - make_interval(days => %s) WHERE id = %s
"""


def schedule(user: Client) -> str:
    """A daily one, half a day from its next tick."""
    then = datetime.now(UTC) + timedelta(hours=12)
    body = {"name": "daily", "type": "steps", "cron": f"{then:%M %H} * * *"}
    return str(user.ok("POST", "/v1/schedules", json=body)["id"])


def let_pass(cluster: Cluster, schedule_id: str, days: int) -> None:
    query(cluster.database_url, PASS, days, schedule_id)


def jobs_of(user: Client, schedule_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = user.ok("GET", f"/v1/jobs?schedule_id={schedule_id}")["items"]
    return found


def check_one_job(cluster: Cluster, user: Client, schedule_id: str) -> None:
    """One job, made and run once; from here on the audit knows it too."""
    (job, *more) = wait_for(partial(jobs_of, user, schedule_id), "the job of the tick")
    cluster.ledger.jobs[job["id"]] = user.user_id
    assert user.end_of(job["id"])["state"] == "succeeded"
    wait_for(lambda: query(cluster.database_url, DUE) == [(0,)], "nothing to be due")
    assert (more, len(jobs_of(user, schedule_id))) == ([], 1)
    assert user.story(job["id"]) == "accepted admitted claimed succeeded"


@pytest.mark.parametrize("point", ["in.accepted", "commit.accepted", "committed.accepted"])
def test_a_beat_killed_in_the_middle_of_a_tick_neither_loses_nor_doubles_a_periodic_job(
    cluster: Cluster, user: Client, point: str
) -> None:
    daily = schedule(user)
    armed = cluster.points.arm(point, "kill")
    let_pass(cluster, daily, days=1)
    gone = cluster.process_of(armed.wait())
    cluster.ledger.fault_is_over()
    assert gone.command == "beat"
    check_one_job(cluster, user, daily)


def test_periodic_ticks_missed_while_all_beats_were_down_make_one_job(
    cluster: Cluster, user: Client
) -> None:
    daily = schedule(user)
    for beat in cluster.beats:
        beat.kill()
    let_pass(cluster, daily, days=5)
    for beat in cluster.beats:
        beat.start()
    cluster.ledger.fault_is_over()
    check_one_job(cluster, user, daily)
