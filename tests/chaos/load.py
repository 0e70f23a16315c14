"""The users: what they ask for, what was promised to them, and what they heard."""

import heapq
import itertools
import queue
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from tests.chaos.accounts import Account
from tests.chaos.hosts import Host, Line
from tests.chaos.mix import Order

JOBS_A_SECOND = 3.0
# So that no more is asked for than a busy machine can do.
MOST_UNFINISHED = 40


class Load:
    """Use it from one thread.

    Args:
        accounts: the users.
        hosts: of each user, the process that has its client.
        lines: what the processes say.
        orders: what the users want, in this order.
        jobs: the ledger: id of each accepted job -> id of its owner.
        findings: takes what should not have happened.

    Attributes:
        refused: how often nothing was promised, by reason.
    """

    def __init__(
        self,
        accounts: Sequence[Account],
        hosts: Sequence[Host],
        lines: "queue.Queue[Line]",
        orders: Iterator[Order],
        jobs: dict[str, str],
        findings: list[str],
    ) -> None:
        self.refused: Counter[str] = Counter()
        self.started: set[int] = set()
        self._accounts, self._hosts, self._lines = accounts, hosts, lines
        self._orders, self._jobs, self._findings = orders, jobs, findings
        self._asked: dict[
            int, Order | None
        ] = {}  # calls without an answer; None: of a cancel or retry
        self._serials = itertools.count()
        self._later: list[tuple[float, int, Line]] = []
        self._again: set[str] = set()  # jobs to be asked for again if they fail
        self._next = time.monotonic()

    def turn(self, *, more: bool) -> None:
        """Take what has come; ask for what is due.

        Args:
            more: whether new jobs are asked for.
        """
        self.listen()
        while self._later and self._later[0][0] <= time.monotonic():
            self._ask(heapq.heappop(self._later)[2], None)
        if more and time.monotonic() >= self._next and self.unfinished() < MOST_UNFINISHED:
            order = next(self._orders)
            self._ask(order.command(), order)
            self._next = time.monotonic() + random.expovariate(JOBS_A_SECOND)

    def listen(self) -> None:
        """Take what has come."""
        while True:
            try:
                line = self._lines.get_nowait()
            except queue.Empty:
                return
            getattr(self, f"_take_{line['what']}")(line)

    def send_all(self, commands: Sequence[Line]) -> None:
        """To each user its command."""
        for user, command in enumerate(commands):
            self._hosts[user].send({**command, "user": user})

    def unfinished(self) -> int:
        """Jobs of which no end was told, and calls without an answer."""
        told = sum(len(account.told) for account in self._accounts)
        return len(self._jobs) - told + len(self._asked) + len(self._later)

    def unanswered(self) -> int:
        """Calls without an answer, and those that are to come."""
        return len(self._asked) + len(self._later)

    def _ask(self, command: Line, order: Order | None) -> None:
        call = next(self._serials)
        self._asked[call] = order
        self._hosts[command["user"]].send({**command, "call": call})

    def _take_started(self, line: Line) -> None:
        self.started.add(line["user"])

    def _take_raw(self, line: Line) -> None:
        self._accounts[line["user"]].receive(line["seq"], line["at"])

    def _take_given(self, line: Line) -> None:
        notification = line["notification"]
        self._accounts[line["user"]].give(notification, line["at"])
        job = notification["job_id"]
        if job in self._again and notification["type"] == "job.failed":
            key = f"retry of {job}"
            self._ask({"do": "retry", "user": line["user"], "job": job, "key": key}, None)

    def _take_answer(self, line: Line) -> None:
        order = self._asked.pop(line["call"])
        for job in line["jobs"]:
            self._jobs[job] = self._accounts[line["user"]].user_id
        if len(set(line["jobs"])) > 1:
            self._findings.append(f"one key made several jobs: {line['jobs']}")
        if order is not None:
            self._follow_up(order, line["jobs"][0])

    def _follow_up(self, order: Order, job: str) -> None:
        if order.retry:
            self._again.add(job)
        if order.cancel_after is not None:
            due = time.monotonic() + order.cancel_after
            command: dict[str, Any] = {"do": "cancel", "user": order.user, "job": job}
            heapq.heappush(self._later, (due, next(self._serials), command))

    def _take_refused(self, line: Line) -> None:
        del self._asked[line["call"]]
        self.refused[line["reason"]] += 1

    def _take_wrong(self, line: Line) -> None:
        """A defect; the call has no other answer, if it is one."""
        self._asked.pop(line.get("call", -1), None)
        self._findings.append(f"{self._accounts[line['user']].name}: {line['reason']}")
