"""One process whose clock is an hour ahead of all others."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.faults.cluster import Cluster
from tests.faults.ledger import Client
from tests.support.process import AppProcess
from tests.support.socket import Listener
from tests.support.stack import AppServer
from tests.support.waiting import wait_for

PASSWORD = "a long password"
LONGER_THAN_A_LEASE = 5.0
ONE_RUN = "accepted admitted claimed succeeded"
TWO_RUNS = "accepted admitted claimed requeued claimed succeeded"


@pytest.fixture(scope="module")
def ahead() -> dict[str, str]:
    """The variables of a process whose clock is ahead.

    Its monotonic clock goes as it should, and files have the times that the file system gave them.
    """
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    if not found:
        pytest.skip("needs libfaketime; Debian's package is faketime")
    return {
        "LD_PRELOAD": str(found[0]),
        "FAKETIME": "+1h",
        "DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
        "PYTHONPATH": str(Path(__file__).with_name("ahead")),
    }


def hold_that_it_is_ahead(process: AppProcess) -> None:
    """By the time of its last line in the log."""

    def lines() -> list[str]:
        return process.log.read_text().splitlines() if process.log.exists() else []

    wait_for(lines, f"a line in {process.log}")
    at = datetime.fromisoformat(json.loads(lines()[-1])["timestamp"])
    assert at > datetime.now(UTC) + timedelta(minutes=55), lines()[-1]


def end_of(user: Client, job: str) -> tuple[str, int, str]:
    ended = user.end_of(job)
    return ended["state"], ended["attempt"], user.story(job)


def test_a_worker_an_hour_ahead_keeps_its_leases_and_takes_no_job_from_another(
    cluster: Cluster, user: Client, ahead: dict[str, str]
) -> None:
    worker = cluster.add("worker", **ahead)
    took = cluster.points.arm("running", "sleep:0", group=worker.pid)
    cluster.worker.freeze()  # until the other one has started, and has a job
    jobs = [user.submit("steps", seconds=LONGER_THAN_A_LEASE)["id"]]
    took.wait(60)
    hold_that_it_is_ahead(worker)
    cluster.worker.thaw()
    jobs += [user.submit("steps", seconds=LONGER_THAN_A_LEASE)["id"] for _ in range(3)]
    for job in jobs:
        assert end_of(user, job) == ("succeeded", 1, ONE_RUN)


def test_the_job_of_a_killed_worker_that_was_an_hour_ahead_is_run_by_another(
    cluster: Cluster, user: Client, ahead: dict[str, str]
) -> None:
    cluster.worker.kill()
    worker = cluster.add("worker", **ahead)
    killed = cluster.points.arm("running", "kill_group")
    job = user.submit("steps")["id"]
    assert cluster.process_of(killed.wait()) is worker
    cluster.worker.start()
    cluster.ledger.fault_is_over()
    assert end_of(user, job) == ("succeeded", 2, TWO_RUNS)


def test_a_beat_an_hour_ahead_rescues_what_is_lost_and_nothing_else(
    cluster: Cluster, user: Client, ahead: dict[str, str]
) -> None:
    cluster.beat.kill()
    beat = cluster.add("beat", **ahead)
    half = cluster.points.arm("store.half", "hold")
    written = cluster.points.arm("store.written", "hold")
    jobs = [user.submit("steps")["id"] for _ in range(2)]
    half.wait()
    written.wait()
    see_a_walk(cluster)
    half.release()
    written.release()
    killed = cluster.points.arm("running", "kill")
    lost = user.submit("steps")["id"]
    killed.wait()
    hold_that_it_is_ahead(beat)
    for job in jobs:
        assert end_of(user, job) == ("succeeded", 1, ONE_RUN)
    assert end_of(user, lost) == ("succeeded", 2, TWO_RUNS)


def see_a_walk(cluster: Cluster) -> None:
    """Wait until the beat has looked for orphan files since this was called."""
    orphan = Path(cluster.environment["RINGBACK_ARTIFACT_DIR"]) / str(uuid4()) / "1" / "orphan"
    for _ in range(2):  # the first may be of a walk that had begun before
        orphan.parent.mkdir(parents=True)
        orphan.touch()
        wait_for(lambda: not orphan.exists(), "a walk of the beat")
        wait_for(lambda: not orphan.parent.parent.exists(), "its folders to go")


def test_a_server_an_hour_ahead_serves_whoever_signed_in_there_and_knows_all_keys(
    cluster: Cluster, ahead: dict[str, str]
) -> None:
    server = cluster.add_server(**ahead)
    here = cluster.new_user()
    there = sign_in(cluster, here, server)
    with Listener(there.url).connect(there.token, after=0) as listener:
        listener.wait_for("ready")
        job = there.submit("steps")["id"]
        assert end_of(there, job) == ("succeeded", 1, ONE_RUN)
        (told,) = listener.wait_for("notification")
        assert (told["job_id"], told["type"]) == (job, "job.succeeded")
    hold_that_it_is_ahead(server.process)
    assert here.job(job) == there.job(job)
    answers = [submit_once(each, "the same key") for each in (there, here, there)]
    assert [status for status, _ in answers] == [202, 200, 200]
    assert len({job for _, job in answers}) == 1
    cluster.ledger.clients[here.user_id] = here


def test_a_token_of_a_server_an_hour_ahead_is_refused_elsewhere_and_a_refresh_mends_it(
    cluster: Cluster, ahead: dict[str, str]
) -> None:
    server = cluster.add_server(**ahead)
    here = cluster.new_user()
    there = sign_in(cluster, here, server)
    for foreign in (there.through(cluster.url), here.through(server.url)):
        refused = foreign.call("GET", "/v1/users/me")
        assert refused.status_code == 401
        fresh = foreign.ok(
            "POST", "/v1/refresh", json={"refresh_token": foreign.tokens["refresh_token"]}
        )
        bearer = {"Authorization": f"Bearer {fresh['access_token']}"}
        assert foreign.call("GET", "/v1/users/me", headers=bearer).status_code == 200
    cluster.ledger.clients[here.user_id] = here


def sign_in(cluster: Cluster, user: Client, server: AppServer) -> Client:
    """The same user, signed in at another server as well."""
    assert user.email is not None
    return Client(cluster.ledger, server.url, user.email, PASSWORD)


def submit_once(user: Client, key: str) -> tuple[int, Any]:
    answer = user.call(
        "POST",
        "/v1/jobs",
        json={"type": "add", "params": {"a": 1, "b": 2}},
        headers={"Idempotency-Key": key},
    )
    return answer.status_code, answer.json()["id"]
