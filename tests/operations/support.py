"""Freezing servers, and reading what processes say about themselves."""

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import requests
from prometheus_client.parser import text_string_to_metric_families

from app.standalone.server import Server
from tests.support.stack import AppServer
from tests.support.waiting import wait_for

# What the promise says, by the server's own clock; and what a test waits on a busy machine.
PROMISED_SECONDS = 2.0
PATIENT_SECONDS = 15.0


@contextmanager
def frozen(server: Server) -> Iterator[None]:
    """The server keeps its connections and says nothing."""
    assert server.pid is not None
    process = psutil.Process(server.pid)
    everybody = [process, *process.children(recursive=True)]
    try:
        send(everybody, signal.SIGSTOP)
        yield
    finally:
        send(everybody, signal.SIGCONT)


def send(processes: list[psutil.Process], number: signal.Signals) -> None:
    """A signal to each; a child of Postgres may have ended by now."""
    for each in processes:
        with suppress(psutil.NoSuchProcess):
            each.send_signal(number)


class Probe:
    """One answer of `/readyz`.

    Attributes:
        parts: name -> what is said of it.
        seconds: how long it took, as the server's log says.
    """

    def __init__(self, server: AppServer) -> None:
        answer = requests.get(f"{server.url}/readyz", timeout=PATIENT_SECONDS)
        self.status, self.text = answer.status_code, answer.text
        self.media_type = answer.headers["Content-Type"]
        self.body = answer.json()
        self.parts: dict[str, dict[str, Any]] = self.body["parts"]
        self.seconds = seconds_of(server, answer.headers["X-Request-Id"])

    def failing(self) -> set[str]:
        return {name for name, part in self.parts.items() if not part["ok"]}


def all_is_well(server: AppServer) -> bool:
    probe = Probe(server)
    return probe.status == 200 and not probe.failing()


def seconds_of(server: AppServer, request_id: str) -> float:
    """How long a request took, as its line in the server's log says."""

    def line() -> dict[str, Any] | None:
        found = [each for each in records(server.process.log) if is_end_of(each, request_id)]
        return found[0] if found else None

    record = wait_for(line, f"the log line of request {request_id}")
    assert record is not None
    return float(record["seconds"])


def is_end_of(record: dict[str, Any], request_id: str) -> bool:
    return record["event"] == "request handled" and record["request_id"] == request_id


def records(log: Path) -> list[dict[str, Any]]:
    """The lines of a log in JSON that are complete by now."""
    return [json.loads(line) for line in log.read_text().split("\n")[:-1]]


def scrape(server: AppServer, **headers: str) -> dict[tuple[str, ...], float]:
    """`/metrics`: (name, label values in the order of their names) -> value."""
    answer = requests.get(f"{server.url}/metrics", headers=headers, timeout=PATIENT_SECONDS)
    assert answer.status_code == 200, answer.text
    return samples(answer.text)


def samples(text: str) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
