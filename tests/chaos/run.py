"""One run: start, break under load, mend, drain, audit, table."""

import queue
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.chaos.accounts import Account, longest_ring
from tests.chaos.breaker import Breaker
from tests.chaos.hosts import ANYTHING, BROWSER, ERRORS, PYTHON, Host, Line
from tests.chaos.judgement import Auditor, LastAudit, thieves
from tests.chaos.load import Load
from tests.chaos.mix import make_orders
from tests.chaos.schedule import make_schedule
from tests.chaos.table import Minimums, show
from tests.faults.audit import HEADS, STATES
from tests.faults.cluster import Cluster
from tests.support.api import FINAL
from tests.support.database import query

TURN_SECONDS = 0.02
TELL_SECONDS = 10.0
START_SECONDS = 120.0
MEND_SECONDS = 120.0
CALM_SECONDS = 8.0
DRAIN_SECONDS = 180.0
# Longer than a server's turn of reconciling: what it brings again would be a duplicate.
LATE_SECONDS = 5.0
AUDIT_SECONDS = 60.0
PASSWORD = "a long password"
# So short that each client has to get new ones while things break.
SETTINGS = {"RINGBACK_ACCESS_TOKEN_MINUTES": "1"}
NOTIFIED = """
SELECT count(DISTINCT job_id) FROM notifications WHERE final AND job_id = ANY(%s::uuid[])
"""


@dataclass(frozen=True)
class Wanted:
    """What was asked for."""

    minutes: float
    seed: int
    users: int


class Run:
    """One run.

    Args:
        folder: an empty one; logs and data stay there.
        stack: ends whatever was started.

    Attributes:
        findings: what is wrong.
        missed: why it does not count, however good it looks.
    """

    def __init__(self, wanted: Wanted, folder: Path, stack: ExitStack) -> None:
        self.findings: list[str] = []
        self.missed: list[str] = []
        self._wanted, self._folder, self._stack = wanted, folder, stack
        self._begin = time.monotonic()
        self._told = 0.0

    def do(self) -> str:
        """All of it; returns the table."""
        schedule = make_schedule(self._wanted.seed, self._wanted.minutes)
        print("What this seed breaks:", *schedule, sep="\n")  # noqa: T201
        self._start_cluster()
        self._start_users()
        breaker = Breaker(self._cluster, schedule, self._say, self.findings)
        self._break(breaker)
        self._drain()
        self._audit()
        self.missed = Minimums.of(self._wanted.minutes).missed(
            len(self._cluster.ledger.jobs), breaker.counts
        )
        return show(self._rows(breaker.ended_at), breaker.counts)

    def _say(self, text: str) -> None:
        print(f"[{time.monotonic() - self._begin:6.1f} s] {text}", flush=True)  # noqa: T201

    def _start_cluster(self) -> None:
        self._say("starting two servers, two workers, two beats, Postgres and Valkey")
        self._cluster = Cluster.launch(self._folder, servers=2, workers=2, beats=2, **SETTINGS)
        self._stack.callback(self._stop_cluster)

    def _stop_cluster(self) -> None:
        try:
            self._cluster.stop()
        except AssertionError as error:  # what its logs tell
            self.findings.append(str(error))

    def _start_users(self) -> None:
        """Half of them have the one client, half the other; half are at the one server."""
        self._say(f"signing in {self._wanted.users} users")
        lines: queue.Queue[Line] = queue.Queue()
        hosts = []
        kinds = [("python", PYTHON, ERRORS), ("browser", BROWSER, ANYTHING)]
        for name, command, wrong in kinds:
            log = self._folder / f"{name}-clients.log"
            hosts.append(Host(command, lines, log, wrong, self.findings))
            self._stack.callback(hosts[-1].end)
        self._emails = [f"user-{number}@test.com" for number in range(self._wanted.users)]
        self._accounts = [
            Account(f"user {number} ({['python', 'browser'][number % 2]})", self._add(email))
            for number, email in enumerate(self._emails)
        ]
        orders = make_orders(self._wanted.seed, self._wanted.users)
        mine = [hosts[number % 2] for number in range(self._wanted.users)]
        jobs = self._cluster.ledger.jobs
        self._load = Load(self._accounts, mine, lines, orders, jobs, self.findings)
        self._load.send_all([self._sign_in(*each) for each in enumerate(self._emails)])
        self._pump(self._all_started, "all users signed in", START_SECONDS)

    def _add(self, email: str) -> str:
        body = {"email": email, "password": PASSWORD}
        return str(self._cluster.admin.ok("POST", "/v1/users", json=body)["id"])

    def _sign_in(self, number: int, email: str) -> Line:
        url = self._cluster.servers[number // 2 % 2].url
        return {"do": "start", "url": url, "email": email, "password": PASSWORD}

    def _all_started(self) -> bool:
        return len(self._load.started) == self._wanted.users

    def _break(self, breaker: Breaker) -> None:
        """Under load; and a while longer, to see how quick everything is when it is whole."""
        end = time.monotonic() + self._wanted.minutes * 60

        def over() -> bool:
            breaker.turn()
            return breaker.done and time.monotonic() > end

        seconds = self._wanted.minutes * 60 + MEND_SECONDS
        self._pump(over, "all faults begun and mended", seconds, more=True)
        breaker.check()
        self._say("everything is whole again")
        calm = time.monotonic() + CALM_SECONDS
        self._pump(lambda: time.monotonic() > calm, "calm", 2 * CALM_SECONDS, more=True)

    def _drain(self) -> None:
        self._say("draining: no new jobs; waiting for the ends of all, and for all clients")
        try:
            self._pump(self._drained, "the drain", DRAIN_SECONDS)
        except TimeoutError as error:
            self.findings.append(str(error))
        late = time.monotonic() + LATE_SECONDS
        self._pump(lambda: time.monotonic() > late, "what comes late", 2 * LATE_SECONDS)

    def _drained(self) -> bool:
        if self._load.unanswered():
            return False
        time.sleep(0.2)  # the next look asks the database
        heads = self._heads()
        up = all(each.cursor >= heads.get(each.user_id, 0) for each in self._accounts)
        return up and not self._audit_of_cluster().unfinished()

    def _heads(self) -> dict[str, int]:
        users = [each.user_id for each in self._accounts]
        return dict(query(self._cluster.database_url, HEADS, users))

    def _audit_of_cluster(self) -> LastAudit:
        return LastAudit(self._cluster, self._cluster.ledger, AUDIT_SECONDS, self._load.listen)

    def _audit(self) -> None:
        self._say("auditing")
        ledger = self._cluster.ledger
        for email in self._emails:
            Auditor(ledger, self._cluster.url, email, PASSWORD)
        ledger.heard += self._accounts
        try:
            self._audit_of_cluster().run()
        except AssertionError as error:
            self.findings.append(str(error))
        for account in self._accounts:
            self.findings += account.untold(ledger.jobs_of(account.user_id))
        self.findings += thieves(self._cluster.database_url, self._accounts)

    def _pump(
        self, done: Callable[[], Any], what: str, seconds: float, *, more: bool = False
    ) -> None:
        """Let the users live until something is done.

        Raises:
            TimeoutError: it is not within so many seconds.
        """
        deadline = time.monotonic() + seconds
        while not done():
            if time.monotonic() > deadline:
                raise TimeoutError(f"not within {seconds:.0f} s: {what}; {self._state()}")
            self._load.turn(more=more)
            if time.monotonic() - self._told > TELL_SECONDS:
                self._told = time.monotonic()
                self._say(self._state())
            time.sleep(TURN_SECONDS)

    def _state(self) -> str:
        told = sum(len(each.told) for each in self._accounts)
        return (
            f"{len(self._cluster.ledger.jobs)} jobs accepted, {told} ends told, "
            f"{self._load.unanswered()} requests without an answer"
        )

    def _rows(self, last_fault: float) -> list[tuple[str, object]]:
        jobs, url = list(self._cluster.ledger.jobs), self._cluster.database_url
        states = dict(query(url, STATES, jobs, []))
        ((notified,),) = query(url, NOTIFIED, jobs)
        heads = self._heads()
        accounts = self._accounts
        return [
            ("accepted", len(jobs)),
            ("ended", sum(states.get(job) in FINAL for job in jobs)),
            ("notified", notified),
            (
                "told by the clients",
                sum(each.told[job] > 0 for each in accounts for job in each.told),
            ),
            ("numbers given", sum(heads.values())),
            ("raw duplicates", sum(each.raw_duplicates for each in accounts)),
            ("duplicates after the client", sum(each.duplicates for each in accounts)),
            ("gaps", sum(each.gaps(heads.get(each.user_id, 0)) for each in accounts)),
            ("out of order", sum(each.out_of_order for each in accounts)),
            ("longest commit to ring, until the last fault", self._ring(0, last_fault)),
            ("longest commit to ring, after it", self._ring(last_fault, time.time())),
            *((f"refused: {why}", count) for why, count in sorted(self._load.refused.items())),
        ]

    def _ring(self, since: float, until: float) -> str:
        seconds, name = longest_ring(self._accounts, since, until)
        return f"{seconds:.2f} s  ({name})"
