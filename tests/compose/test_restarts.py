"""What a restart, a stop and a new start leave as it was."""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.tab import Tab
from tests.compose.conftest import Composed
from tests.compose.engine import LONG_RUNNING
from tests.support.api import Api
from tests.support.socket import Listener
from tests.support.waiting import wait_for

LIVE_SECONDS = 120.0


def finished_report(user: Api) -> tuple[dict[str, Any], str]:
    """A job that is done, and the digest of its file."""
    with Listener(user.url).connect(user.token, after=0) as listener:
        job = user.submit("excel_test", rows=100)
        listener.wait_for("notification")
    return user.job(job["id"]), digest_of_result(user, job["id"])


def digest_of_result(user: Api, job_id: str) -> str:
    answer = user.call("GET", f"/v1/jobs/{job_id}/result")
    assert answer.ok, answer.text
    return hashlib.sha256(answer.content).hexdigest()


@pytest.mark.parametrize("service", LONG_RUNNING)
def test_after_a_restart_all_is_healthy_and_there_and_open_pages_are_rung(
    composed: Composed, user: Api, open_tab: Callable[[str], Tab], service: str
) -> None:
    job, digest = finished_report(user)
    tab = open_tab(composed.url).sign_in_as(user)

    composed.run("restart", service)
    composed.wait_until_healthy()
    # A proxy that forwards to a new address, or a server that connects anew, may need a moment.
    wait_for(lambda: user.call("GET", "/v1/jobs").ok, "an answer", 60)

    # The token from before, so the secret is the same; the row; the file.
    assert user.job(job["id"]) == job
    assert digest_of_result(user, job["id"]) == digest
    tab.wait_for_state("live", LIVE_SECONDS)
    job_id = tab.run("add", a=1, b=2)
    tab.wait_for_job(job_id, "succeeded")
    assert tab.numbers == [2, 1]


def test_everything_stops_in_order_and_starts_again_with_its_data(
    composed: Composed, user: Api
) -> None:
    job, digest = finished_report(user)
    composed.run("stop")
    ended = {each.service: each.state["ExitCode"] for each in composed.containers()}
    assert set(ended.values()) == {0}, ended
    composed.run("down")  # the containers go, the volumes stay
    composed.up()
    assert user.job(job["id"]) == job  # and the token from before counts, so the secret is there
    assert digest_of_result(user, job["id"]) == digest


def test_a_worker_that_is_stopped_finishes_its_job_first(composed: Composed, user: Api) -> None:
    with Listener(composed.url).connect(user.token) as listener:
        job = user.submit("wait", seconds=6)
        listener.wait_for("job")  # begun
        composed.run("stop", "worker")
        (stopped,) = composed.of("worker")
        composed.up()
        listener.wait_for("notification")
    assert stopped.state["ExitCode"] == 0
    done = user.job(job["id"])
    assert (done["state"], done["attempt"]) == ("succeeded", 1)
    assert done["finished_at"] < stopped.state["FinishedAt"]
