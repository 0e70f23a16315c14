"""Clients that go on submitting while something is broken, and what they were answered."""

import statistics
import time
from dataclasses import dataclass
from functools import partial
from typing import Any

import requests

from tests.faults.ledger import Client
from tests.support.repeated import Repeated

PAUSE_SECONDS = 0.5


@dataclass(frozen=True)
class Answer:
    """To one submission.

    Attributes:
        seconds: how long it took.
        response: None if the connection was lost.
    """

    seconds: float
    response: requests.Response | None

    @property
    def status(self) -> int:
        return self.response.status_code if self.response is not None else 0


class Poster(Repeated):
    """Submits short jobs from one thread a client, for as long as its `with` block lasts.

    Attributes:
        answers: in the order in which they came.
    """

    def __init__(self, *clients: Client) -> None:
        self.answers: list[Answer] = []
        super().__init__(*(partial(self._post, each) for each in clients), pause=PAUSE_SECONDS)

    def _post(self, client: Client) -> None:
        self.answers.append(submit(client))

    def statuses(self) -> set[int]:
        return {each.status for each in self.answers}

    def refused(self) -> list[requests.Response]:
        """All answers that promise nothing."""
        return [
            each.response
            for each in self.answers
            if each.response is not None and each.status != 202
        ]

    def check_refusals(self) -> None:
        """Each answer that is no 202 says that the database is away, and when to ask again."""
        assert all(each.response is not None for each in self.answers)
        for response in self.refused():
            problem = response.json()
            assert (response.status_code, problem["code"]) == (503, "database_unavailable"), problem
            assert problem["retryable"]
            assert int(response.headers["Retry-After"]) > 0

    def show(self, what: str) -> tuple[float, float]:
        """Print how long the answers took; returns the median and the longest, seconds."""
        times = [each.seconds for each in self.answers]
        median, longest = statistics.median(times), max(times)
        figures = f"{len(times)} answers, median {median:.3f} s, longest {longest:.3f} s"
        print(f"{what}: {figures}")  # noqa: T201
        return median, longest


def submit(client: Client, **headers: str) -> Answer:
    """One short job."""
    body: dict[str, Any] = {"type": "steps", "params": {"file": False}}
    before = time.monotonic()
    try:
        response = client.call("POST", "/v1/jobs", json=body, headers=headers)
    except requests.ConnectionError:
        response = None
    return Answer(time.monotonic() - before, response)
