"""The users: each a thread with a client of its own, from the making of its account to its audit."""

import queue
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from app.client import Ringback, RingbackError
from benchmarks.simulation.admin import Admin
from benchmarks.simulation.ledger import FINAL, Ledger, Record
from benchmarks.simulation.mix import Mix

# Sign-ins from one address are limited by the minute, and the client waits for its turn.
PATIENCE_SECONDS = 90.0
LOOK_SECONDS = 0.25
# After a job's end; a server heals a lost hint within seconds.
RING_SECONDS = 10.0
# No user thinks for more than so many times the mean.
LONGEST_THOUGHT = 3.0


@dataclass(frozen=True)
class Plan:
    """What the users are to do.

    Attributes:
        url: of the server.
        run: names this run in the addresses of its users.
        mix: what they ask for.
        think: mean of the pauses between two requests of one user, seconds.
        drain: for how long the ends of jobs are waited for, seconds.
        seed: the same seed, the same requests.
        folder: where downloads go; each is deleted once it is there.
    """

    url: str
    run: str
    mix: Mix
    think: float
    drain: float
    seed: int
    folder: Path


@dataclass(frozen=True)
class Phases:
    """Set one after the other: all are signed in; no more requests; no more waiting."""

    begin: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)
    hurry: threading.Event = field(default_factory=threading.Event)


class Person(threading.Thread):
    """One user.

    Attributes:
        is_ready: set once it has signed in, or could not.
        is_audited: whether all that was promised to it was looked up in the end.
    """

    def __init__(
        self, number: int, plan: Plan, admin: Admin, ledger: Ledger, phases: Phases
    ) -> None:
        super().__init__(name=f"user-{number}", daemon=True)
        self.email = f"simulated-{plan.run}-{number}@example.com"
        self.is_ready = threading.Event()
        self.is_audited = False
        self._plan, self._admin, self._ledger, self._phases = plan, admin, ledger, phases
        self._dice = random.Random(f"{plan.seed} {number}")
        self._rung: queue.Queue[str] = queue.Queue()
        self._done: set[str] = set()

    def run(self) -> None:
        """Its whole life."""
        try:
            self._live()
        except RingbackError as error:
            self._ledger.failed("session", error.code)
        finally:
            self.is_ready.set()
            self._admin.disable(self.email)

    def _live(self) -> None:
        password = self._admin.add(self.email)
        with Ringback(
            self._plan.url,
            email=self.email,
            password=password,
            after=0,
            on_notification=self._hear,
            patience=PATIENCE_SECONDS,
        ) as client:
            self.is_ready.set()
            self._phases.begin.wait()
            self._work(client)
            self._wait_until(client, self._plan.drain, lambda: set(self._jobs()) <= self._done)
            self._audit(client)

    def _hear(self, notification: dict[str, Any]) -> None:
        state = notification["type"].removeprefix("job.")
        if state in FINAL and notification["job_id"]:
            written = datetime.fromisoformat(notification["created_at"]).timestamp()
            self._ledger.rung(notification["job_id"], time.time() - written)
            self._rung.put(notification["job_id"])

    def _work(self, client: Ringback) -> None:
        due = time.monotonic() + self._thought()
        while not self._phases.over.is_set():
            pause = due - time.monotonic()
            if pause > 0:
                self._fetch(client, min(pause, LOOK_SECONDS))
            else:
                self._submit(client)
                due = time.monotonic() + self._thought()

    def _thought(self) -> float:
        mean = self._plan.think
        return min(self._dice.expovariate(1 / mean), LONGEST_THOUGHT * mean)

    def _submit(self, client: Ringback) -> None:
        kind = self._plan.mix.draw(self._dice)
        params = kind.params(self._dice)
        begun = time.monotonic()
        try:
            job = client.submit(kind.type, params)
        except RingbackError as error:
            self._ledger.failed(f"submit {kind.name}", error.code)
            return
        record = Record(kind.name, self.email, time.monotonic() - begun, job.view)
        self._ledger.accepted(job.id, record)

    def _fetch(self, client: Ringback, seconds: float) -> None:
        """Wait for a ring, then look at the job and download its file."""
        try:
            job_id = self._rung.get(timeout=seconds)
        except queue.Empty:
            return
        try:
            self._download(client, job_id)
        except RingbackError as error:
            self._ledger.failed("download", error.code)
        self._done.add(job_id)

    def _download(self, client: Ringback, job_id: str) -> None:
        job = client.job(job_id)
        self._ledger.saw(job.view)
        if job.error is not None:
            self._ledger.failed(f"job {job.type}", str(job.error["code"]))
        if job.artifact is None or job_id in self._done or job_id not in self._jobs():
            return
        begun = time.monotonic()
        path = job.download(self._plan.folder / job_id)
        self._ledger.downloaded(job_id, time.monotonic() - begun)
        path.unlink()

    def _wait_until(
        self,
        client: Ringback,
        seconds: float,
        is_done: Callable[[], bool],
        *,
        patient: bool = False,
    ) -> None:
        """Go on with what rings.

        Args:
            patient: also when there is a hurry.
        """
        deadline = time.monotonic() + seconds
        while not is_done() and time.monotonic() < deadline:
            if self._phases.hurry.is_set() and not patient:
                return
            self._fetch(client, LOOK_SECONDS)

    def _audit(self, client: Ringback) -> None:
        """Hold what was heard against what the server has: rows, not rings."""
        views = {job.id: job.view for job in client.jobs()}
        for job_id in self._jobs():
            if job_id in views:
                self._ledger.saw(views[job_id])
            else:
                self._ledger.found(f"lost job: {job_id} was accepted, and the server has none")
        self._wait_until(client, RING_SECONDS, lambda: not self._silent(), patient=True)
        for job_id in self._silent():
            self._ledger.found(f"lost ring: the end of job {job_id} was not told")
        self.is_audited = True

    def _jobs(self) -> dict[str, Record]:
        return self._ledger.of(self.email)

    def _silent(self) -> list[str]:
        return self._ledger.silent(self.email)
