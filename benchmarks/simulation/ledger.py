"""What happened to each job, as its user saw it; and what was promised and not kept."""

import threading
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

FINAL = ("succeeded", "failed", "cancelled")


@dataclass
class Record:
    """One accepted job. Times are in seconds.

    Attributes:
        kind: as in the mix.
        user: the address of its owner.
        submit: from the request to the answer 202.
        view: as the server last showed it.
        download: how long its file took.
    """

    kind: str
    user: str
    submit: float
    view: dict[str, Any] = field(default_factory=dict)
    download: float | None = None

    @property
    def state(self) -> str:
        """How it ended; `open` if no end of it is known."""
        state = str(self.view.get("state"))
        return state if state in FINAL else "open"

    @property
    def end(self) -> float | None:
        """From its acceptance to its end, by the server's clock."""
        if self.state == "open":
            return None
        accepted, ended = (
            datetime.fromisoformat(self.view[n]) for n in ("created_at", "finished_at")
        )
        return (ended - accepted).total_seconds()


class Ledger:
    """Threads share it.

    Attributes:
        jobs: the accepted ones, by id.
        rings: how long each ring of a job's end took since its notification was written, by the job's id.
        errors: how often a step failed, and with which code.
        findings: what must not happen.
    """

    def __init__(self) -> None:
        self.jobs: dict[str, Record] = {}
        self.rings: dict[str, list[float]] = {}
        self.errors: Counter[tuple[str, str]] = Counter()
        self.findings: list[str] = []
        self._lock = threading.Lock()

    def accepted(self, job_id: str, record: Record) -> None:
        """The server has promised this job."""
        with self._lock:
            self.jobs[job_id] = record

    def rung(self, job_id: str, seconds: float) -> None:
        """The end of a job was told; perhaps before the answer that accepted it was here."""
        with self._lock:
            self.rings.setdefault(job_id, []).append(seconds)

    def saw(self, view: dict[str, Any]) -> None:
        """The server shows a job, perhaps one whose acceptance was lost on the way."""
        with self._lock:
            record = self.jobs.get(view["id"])
            if record is not None and view["version"] >= record.view.get("version", 0):
                record.view = view

    def downloaded(self, job_id: str, seconds: float) -> None:
        """The file of a job is here, whole."""
        with self._lock:
            self.jobs[job_id].download = seconds

    def failed(self, step: str, code: str) -> None:
        """A step was refused, or found nobody."""
        with self._lock:
            self.errors[step, code] += 1

    def found(self, finding: str) -> None:
        """Something that must not happen."""
        with self._lock:
            self.findings.append(finding)

    def of(self, user: str) -> dict[str, Record]:
        """One user's jobs."""
        with self._lock:
            return {job_id: each for job_id, each in self.jobs.items() if each.user == user}

    def silent(self, user: str) -> list[str]:
        """Jobs of a user that have ended, as the server says, and were not rung."""
        jobs = self.of(user)
        return [each for each in jobs if jobs[each].state != "open" and each not in self.rings]

    def by_kind(self) -> dict[str, list[tuple[str, Record]]]:
        """The jobs of each kind, with their ids, in the order of their names."""
        with self._lock:
            kinds = sorted({record.kind for record in self.jobs.values()})
            return {
                kind: [(job_id, each) for job_id, each in self.jobs.items() if each.kind == kind]
                for kind in kinds
            }

    def told_twice(self) -> list[str]:
        """What is to be said of jobs whose end was told more than once."""
        with self._lock:
            return [
                f"duplicate ring: the end of job {job_id} was told {len(rings)} times"
                for job_id, rings in self.rings.items()
                if len(rings) > 1
            ]
