"""From `POST` to the ring: how long it takes, and which stage takes which share.

    make run                                   # in one terminal
    .venv/bin/python benchmarks/ring.py        # in another, on the same machine

One user submits `add` jobs one after the other and listens over a WebSocket. The stages are read off
the rows (Postgres' clock) and off this process' clock, so all must run on one machine.
"""

import argparse
import statistics
import time
from dataclasses import dataclass
from datetime import datetime
from queue import Queue
from typing import Any

import requests
import socketio

STAGES = (
    "request in: HTTP, token, checks",
    "to the worker: commit, broker, claim",
    "work: run, finish",
    "ring: commit, Redis, server, socket",
)
WAIT_SECONDS = 30


@dataclass(frozen=True)
class Sample:
    """Seconds of one job: each stage of `STAGES`, and until the 202 was here."""

    stages: tuple[float, ...]
    accepted: float

    @property
    def total(self) -> float:
        return sum(self.stages)


class Session:
    """One signed-in user with a socket."""

    def __init__(self, url: str, email: str, password: str) -> None:
        self.url = url
        self.http = requests.Session()
        self.http.trust_env = False
        login = self._call("POST", "/v1/login", {"email": email, "password": password})
        self.http.headers["Authorization"] = f"Bearer {login['access_token']}"
        self.rings: Queue[tuple[float, dict[str, Any]]] = Queue()
        self.socket = socketio.Client()
        self.socket.on("notification", lambda payload: self.rings.put((time.time(), payload)))
        self.socket.connect(url, auth={"token": login["access_token"]}, transports=["websocket"])

    def measure(self) -> Sample:
        sent = time.time()
        job = self._call("POST", "/v1/jobs", {"type": "add", "params": {"a": 1, "b": 2}})
        accepted = time.time()
        rung, payload = self.rings.get(timeout=WAIT_SECONDS)
        assert payload["job_id"] == job["id"], "another job of this user ended meanwhile"
        job = self._call("GET", f"/v1/jobs/{job['id']}")
        names = ("created_at", "started_at", "finished_at")
        created, started, finished = (
            datetime.fromisoformat(job[each]).timestamp() for each in names
        )
        stages = (created - sent, started - created, finished - started, rung - finished)
        return Sample(stages, accepted - sent)

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        response = self.http.request(method, self.url + path, json=body, timeout=WAIT_SECONDS)
        response.raise_for_status()
        answer: dict[str, Any] = response.json()
        return answer


def report(samples: list[Sample]) -> None:
    totals = sorted(sample.total for sample in samples)
    p90 = totals[int(len(totals) * 0.9)]
    print(f"POST to ring, {len(samples)} jobs one after the other:")
    print(f"  median {_ms(statistics.median(totals))}   p90 {_ms(p90)}   max {_ms(totals[-1])}")
    medians = [statistics.median(sample.stages[i] for sample in samples) for i in range(4)]
    for name, median in zip(STAGES, medians, strict=True):
        print(f"  {name:<40} {_ms(median)}   {median / sum(medians):5.0%}")
    print(f"  (202 after {_ms(statistics.median(each.accepted for each in samples))})")


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:7.1f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", default="http://localhost:5005")
    parser.add_argument("--jobs", type=int, default=100)
    parser.add_argument("--email", default="username@test.com")
    parser.add_argument("--password", default="password2")
    options = parser.parse_args()
    session = Session(options.url, options.email, options.password)
    for _ in range(5):
        session.measure()  # connections are made and caches filled
    report([session.measure() for _ in range(options.jobs)])
    session.socket.disconnect()


if __name__ == "__main__":
    main()
