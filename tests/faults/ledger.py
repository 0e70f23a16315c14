"""The ledger of a test: what clients received in 202 answers, and what they heard."""

import copy
import os
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import requests

from tests.faults.heard import Heard
from tests.support.api import Api


class Client(Api):
    """A user whose accepted jobs go into a ledger by themselves.

    Args:
        ledger: where they go.
        url, email, password: see `Api`.
    """

    def __init__(self, ledger: "Ledger", url: str, email: str, password: str) -> None:
        super().__init__(url, email, password)
        self.ledger = ledger
        ledger.clients[self.user_id] = self

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        response = super().call(method, path, **options)
        submits = method == "POST" and path.startswith(("/v1/jobs", "/v1/create_"))
        if submits and response.status_code == 202:
            self.ledger.jobs[response.json()["id"]] = self.user_id
        return response

    def log(self, job_id: str) -> list[dict[str, Any]]:
        """The lines of the job's log."""
        lines: list[dict[str, Any]] = self.ok("GET", f"/v1/jobs/{job_id}/events")["items"]
        return lines

    def story(self, job_id: str) -> str:
        """The words of the job's log."""
        return " ".join(line["event"] for line in self.log(job_id))

    def through(self, url: str) -> "Client":
        """The same user, signed in as before, at another server."""
        other = copy.copy(self)
        other.url = url
        return other


class Ledger:
    """Of one test.

    Attributes:
        jobs: id of each accepted job -> id of its owner.
        clients: the owners, by id.
        heard: the records of the clients that are connected.
        held: what is closed after the audit.
        fault_ended_at: seconds since 1970; None until the fault is over.
    """

    def __init__(self) -> None:
        self.jobs: dict[str, str] = {}
        self.clients: dict[str, Client] = {}
        self.heard: list[Heard] = []
        self.held = ExitStack()
        self.fault_ended_at: float | None = None

    def fault_is_over(self) -> None:
        """From now on the system is whole again, and time is measured; the first call counts."""
        self.fault_ended_at = self.fault_ended_at or time.time()

    def jobs_of(self, user_id: str) -> list[str]:
        return [job for job, owner in self.jobs.items() if owner == user_id]


def report(test: str, seconds: float | None) -> None:
    """Note, in the file `FAULTS_REPORT`, how long something took from the fault's end on."""
    if seconds is not None and (path := os.environ.get("FAULTS_REPORT")):
        with Path(path).open("a") as file:
            file.write(f"{test}\t{seconds:.2f}\n")
