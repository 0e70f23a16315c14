"""Two beats at once, and beats that die or freeze in the middle of their work."""

import pytest

from tests.faults.cluster import Cluster
from tests.faults.ledger import Client
from tests.support.waiting import wait_for

CLUSTER = {"beats": 2, "workers": 1, "RINGBACK_WORKER_PROCESSES": "4"}
TWO_RUNS = "accepted admitted claimed requeued claimed succeeded"


def lose(cluster: Cluster, users: list[Client], kind: str = "steps") -> dict[str, Client]:
    """A job of each user whose worker is killed; another worker is there at once."""
    held = cluster.points.arm("running", "hold", keep=True)
    jobs = {user.submit(kind)["id"]: user for user in users}
    wait_for(lambda: {each["job"] for each in held.fired()} == set(jobs), "all jobs to run")
    held.disarm()
    cluster.worker.kill()
    cluster.worker.start()
    return jobs


def check_stories(jobs: dict[str, Client]) -> None:
    for job, user in jobs.items():
        ended = user.end_of(job)
        assert (ended["state"], ended["attempt"]) == ("succeeded", 2)
        assert user.story(job) == TWO_RUNS


def test_two_beats_rescue_each_lost_job_once(cluster: Cluster) -> None:
    jobs = lose(cluster, [cluster.new_user() for _ in range(4)])
    cluster.ledger.fault_is_over()
    check_stories(jobs)


@pytest.mark.parametrize("point", ["in.requeued", "committed.requeued"])
def test_a_beat_killed_in_the_middle_of_a_rescue_leaves_it_to_the_other(
    cluster: Cluster, user: Client, point: str
) -> None:
    armed = cluster.points.arm(point, "kill")
    jobs = lose(cluster, [user, cluster.new_user()])
    gone = cluster.process_of(armed.wait())
    cluster.ledger.fault_is_over()
    assert gone.command == "beat"
    check_stories(jobs)
    assert not gone.is_running


@pytest.mark.parametrize("point", ["commit.failed", "committed.failed"])
def test_a_beat_killed_while_it_ends_a_lost_job_tells_its_owner_once(
    cluster: Cluster, user: Client, point: str
) -> None:
    armed = cluster.points.arm(point, "kill")
    (job,) = lose(cluster, [user], "steps_once")
    assert cluster.process_of(armed.wait()).command == "beat"
    cluster.ledger.fault_is_over()
    assert user.end_of(job)["error"]["code"] == "outcome_unknown"
    wait_for(user.notifications, "the end in the inbox")


def test_a_beat_killed_before_it_published_a_lost_message_again_leaves_it_to_the_other(
    cluster: Cluster, user: Client
) -> None:
    lost = cluster.points.arm("dispatch", "divert")
    job = user.submit("steps")["id"]
    lost.wait()
    armed = cluster.points.arm("dispatch", "kill")
    assert cluster.process_of(armed.wait()).command == "beat"
    cluster.ledger.fault_is_over()
    assert user.end_of(job)["attempt"] == 1


def test_both_beats_killed_in_the_middle_and_started_later_lose_nothing(
    cluster: Cluster, user: Client
) -> None:
    armed = [cluster.points.arm("in.requeued", "kill") for _ in cluster.beats]
    jobs = lose(cluster, [user])
    for each in armed:
        each.wait()
    waiting = [cluster.new_user().submit("steps")["id"] for _ in range(2)]
    for beat in cluster.beats:
        wait_for(lambda beat=beat: not beat.is_running, "its end")
        beat.start()
    cluster.ledger.fault_is_over()
    check_stories(jobs)
    assert waiting


def test_a_beat_frozen_in_the_middle_of_a_rescue_does_not_hold_up_the_other(
    cluster: Cluster, user: Client
) -> None:
    frozen = cluster.points.arm("in.requeued", "stop")
    jobs = lose(cluster, [user, cluster.new_user()])
    fired = frozen.wait()
    check_stories(jobs)
    beat = cluster.process_of(fired)
    frozen.resume()
    cluster.ledger.fault_is_over()
    wait_for(lambda: "database away" in beat.log.read_text(), "the beat to find out")
    check_stories(jobs)
