"""The audit at the end of each fault: whether all that was accepted ended, was told, and was heard."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2

from tests.faults.heard import check_numbers
from tests.faults.ledger import Client, Ledger
from tests.support.api import FINAL
from tests.support.database import connect, query
from tests.support.stack import Stack
from tests.support.waiting import wait_for

LOCKABLE = ("jobs", "inboxes", "notifications")
# Whoever is healthy holds a lock, or is silent in a transaction, for far less.
SHORT_SECONDS = 2.0

STATES = "SELECT id::text, state FROM jobs WHERE id = ANY(%s::uuid[]) OR user_id = ANY(%s::uuid[])"
ARTIFACTS = "SELECT job_id::text, size, sha256 FROM artifacts WHERE job_id = ANY(%s::uuid[])"
HEADS = "SELECT user_id::text, head_seq FROM inboxes WHERE user_id = ANY(%s::uuid[])"
HEADS_AT = """
SELECT user_id::text, max(seq) FROM notifications
WHERE user_id = ANY(%s::uuid[]) AND created_at <= to_timestamp(%s) GROUP BY user_id
"""
NEEDED_FILES = "SELECT storage_key FROM artifacts WHERE deleted_at IS NULL"
IDLE = """
SELECT pid, application_name, query FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
  AND state LIKE 'idle in transaction%%' AND now() - state_change > make_interval(secs => %s)
"""
SINCE = """
SELECT extract(epoch FROM max(finished_at))::float - %s FROM jobs WHERE id = ANY(%s::uuid[])
"""


@dataclass(frozen=True)
class Audit:
    """One audit; `run` does it.

    Args:
        stack: has to be whole again: its processes and servers run.
        ledger: what clients were promised.
        seconds: longest wait for the ends of the jobs, for clients to be up to date, and for the
            sweep of files.
    """

    stack: Stack
    ledger: Ledger
    seconds: float = 60.0

    def run(self) -> float | None:
        """Fail with everything that is wrong.

        Returns:
            Seconds from the fault's end to the last job's end; None if there was no job or no fault.
        """
        wait_for(lambda: not self.unfinished(), "the ends of all jobs", self.seconds)
        found = [finding for check in self._checks() for finding in check()]
        assert found == [], "\n".join(["The audit found:", *found])
        return self._seconds_since_fault()

    def seconds_until_heard(self) -> float | None:
        """From the fault's end until the last client had all that existed then.

        None if there was no client, no fault, or nothing to hear.
        """
        if self.ledger.fault_ended_at is None:
            return None
        users = list({each.user_id for each in self.ledger.heard})
        heads = dict(self._query(HEADS_AT, users, self.ledger.fault_ended_at))
        late = [
            at - self.ledger.fault_ended_at
            for each in self.ledger.heard
            for number, at in each.given
            if number == heads.get(each.user_id)
        ]
        return max(0.0, *late) if late else None

    def unfinished(self) -> list[str]:
        """Jobs of the ledger that have not ended, and others of its users."""
        states = self._states()
        missing = self.ledger.jobs.keys() - states.keys()
        going_on = {job for job, state in states.items() if state not in FINAL}
        return sorted(missing | going_on)

    def _checks(self) -> list[Callable[[], Iterator[str]]]:
        return [
            self._inboxes,
            self._heard,
            self._artifacts,
            self._files,
            self._locks,
            self._idle,
        ]

    def _states(self) -> dict[str, str]:
        return dict(self._query(STATES, list(self.ledger.jobs), list(self.ledger.clients)))

    def _inboxes(self) -> Iterator[str]:
        states = self._states()
        for user_id, client in self.ledger.clients.items():
            here = client.through(self.stack.url)
            yield from check_inbox(here, {job: states[job] for job in self.ledger.jobs_of(user_id)})

    def _heard(self) -> Iterator[str]:
        """Clients need their time to come back."""
        yield from settled(self._unheard, "client", self.seconds)

    def _unheard(self) -> list[str]:
        users = {each.user_id for each in self.ledger.heard}
        heads = dict(self._query(HEADS, list(users)))
        return [
            finding
            for each in self.ledger.heard
            for finding in each.findings(heads.get(each.user_id, 0))
        ]

    def _artifacts(self) -> Iterator[str]:
        states = self._states()
        rows = {job: row for job, *row in self._query(ARTIFACTS, list(self.ledger.jobs))}
        for job, user_id in self.ledger.jobs.items():
            here = self.ledger.clients[user_id].through(self.stack.url)
            if states[job] != "succeeded":
                yield from [f"job {job} is {states[job]} and has a file"] if job in rows else []
            else:
                yield from check_artifact(here, job, *rows.get(job, (None, None)))

    def _files(self) -> Iterator[str]:
        """The sweep needs its time to find what is left over."""
        root = Path(self.stack.environment["RINGBACK_ARTIFACT_DIR"])
        yield from settled(lambda: self._left_over(root), "file left over", self.seconds)

    def _left_over(self, root: Path) -> list[str]:
        needed = {key for (key,) in self._query(NEEDED_FILES)}
        there = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
        return sorted(there - needed)

    def _locks(self) -> Iterator[str]:
        yield from settled(lambda: locked(self.stack.database_url), "locked row in", SHORT_SECONDS)

    def _idle(self) -> Iterator[str]:
        for pid, name, text in self._query(IDLE, SHORT_SECONDS):
            yield f"idle in transaction: {name} (pid {pid}), last statement {text!r}"

    def _seconds_since_fault(self) -> float | None:
        if self.ledger.fault_ended_at is None or not self.ledger.jobs:
            return None
        ended_at = self.ledger.fault_ended_at
        ((seconds,),) = self._query(SINCE, ended_at, list(self.ledger.jobs))
        return max(float(seconds), 0.0)

    def _query(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        return query(self.stack.database_url, sql, *values)


def check_inbox(client: Client, states: dict[str, str]) -> Iterator[str]:
    """Whether the inbox has all numbers, and one end of each job.

    Args:
        states: the final state of each of the user's jobs.
    """
    notifications = client.notifications()
    yield from check_numbers([each["seq"] for each in notifications], client.head())
    ends = [each for each in notifications if each["type"].removeprefix("job.") in FINAL]
    told = Counter(each["job_id"] for each in ends)
    said = {each["job_id"]: each["type"] for each in ends}
    for job, state in states.items():
        if told[job] != 1:
            yield f"{told[job]} final notifications of job {job}, which {state}"
        elif said[job] != f"job.{state}":
            yield f"job {job} is {state}, its owner was told {said[job]}"


def check_artifact(client: Client, job: str, size: int | None, sha256: str | None) -> Iterator[str]:
    """Whether what a client downloads is what the row says, and whether it says so to the client."""
    described = client.job(job)["artifact"] or {}
    if (described.get("size"), described.get("sha256")) != (size, sha256):
        yield f"job {job} describes its file as {described}, its row says {size}, {sha256}"
    if size is None:
        return
    answer = client.call("GET", f"/v1/jobs/{job}/result")
    found = (answer.status_code, len(answer.content), hashlib.sha256(answer.content).hexdigest())
    if found != (200, size, sha256):
        yield f"the file of job {job} came as {found}, its row says {size}, {sha256}"


def locked(url: str) -> list[str]:
    """The tables of which a row is locked."""
    found = []
    for table in LOCKABLE:
        with closing(connect(url)) as connection, connection.cursor() as cursor:
            try:
                cursor.execute(f"SELECT FROM {table} FOR UPDATE NOWAIT")
            except psycopg2.errors.LockNotAvailable:
                found.append(table)
    return found


def settled(look: Callable[[], list[str]], what: str, seconds: float) -> Iterator[str]:
    """What is still found when time is up."""
    found: list[str] = []

    def nothing() -> bool:
        found[:] = look()
        return not found

    try:
        wait_for(nothing, what, seconds)
    except AssertionError:
        yield from (f"{what} {each}" for each in found)
