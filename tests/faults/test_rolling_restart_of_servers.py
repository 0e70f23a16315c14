"""Two servers are stopped in order and started again, one after the other, below their clients."""

import time
from typing import Any
from uuid import uuid4

import requests

from tests.faults.cluster import Cluster
from tests.faults.crowd import Crowd
from tests.faults.ledger import Client
from tests.support.repeated import Repeated
from tests.support.waiting import wait_for

CLUSTER = {"servers": 2}
JAVASCRIPT, PYTHON = 90, 10
# Promised for requests that may be made again are 10 s; the machine may be busy.
RETRIED_SECONDS = 20.0
RETRY_PAUSE_SECONDS = 0.1
CALL_PAUSE_SECONDS = 0.25


class Caller(Repeated):
    """Reads and submits again and again, at one server or the other, until each call has succeeded.

    Attributes:
        slowest: how long the longest call took, and what came of each of its attempts and when.
        jobs: ids of the jobs it got, one for each key.
    """

    def __init__(self, user: Client, urls: list[str]) -> None:
        self.slowest: tuple[float, list[str]] = (0.0, [])
        self.jobs: list[str] = []
        self._through = [user.through(url) for url in urls]
        super().__init__(self._read_and_submit, pause=CALL_PAUSE_SECONDS)

    def _read_and_submit(self) -> None:
        self._until_done("GET", "/v1/jobs")
        job = {"type": "add", "params": {"a": 1, "b": 2}}
        key = {"Idempotency-Key": uuid4().hex}
        accepted = self._until_done("POST", "/v1/jobs", json=job, headers=key)
        self.jobs.append(accepted.json()["id"])

    def _until_done(self, method: str, path: str, **options: Any) -> requests.Response:
        begun = time.monotonic()
        story = [method]
        while True:
            try:
                answer = self._through[0].call(method, path, **options)
                came = str(answer.status_code)
            except requests.RequestException as error:
                answer, came = None, type(error).__name__  # what it does not know, it asks again
            seconds = time.monotonic() - begun
            story.append(f"{came} of {self._through[0].url} at {seconds:.1f} s")
            if answer is not None and answer.ok:
                self.slowest = max(self.slowest, (seconds, story))
                return answer
            self._through.reverse()
            time.sleep(RETRY_PAUSE_SECONDS)


def test_clients_miss_nothing_and_what_is_tried_again_succeeds(
    cluster: Cluster, crowd: Crowd, user: Client
) -> None:
    urls = [each.url for each in cluster.servers]
    crowd.join(JAVASCRIPT, PYTHON, *urls)
    crowd.listen_for(user, *urls)
    callers = [Caller(user, urls), Caller(user, urls[::-1])]
    with crowd.ringing(), callers[0], callers[1]:
        for server in cluster.servers:
            assert server.stop() == 0
            server.start()
            crowd.wait_until_up()
        cluster.ledger.fault_is_over()
        crowd.ring()
    crowd.wait_until_heard(1)
    assert all(each.downs for each in crowd.records), "each was told to go, at least once"
    for caller in callers:
        seconds, story = caller.slowest
        assert seconds < RETRIED_SECONDS, story
        assert len(set(caller.jobs)) == len(caller.jobs) > 0
        for job in caller.jobs:
            wait_for(lambda job=job: user.job(job)["state"] == "succeeded", "the job's end")
