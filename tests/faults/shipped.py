"""The clients that we ship, in processes of their own, each with a record of what it was told."""

import queue
from collections.abc import Sequence
from pathlib import Path

from tests.chaos.accounts import Account
from tests.chaos.hosts import ANYTHING, BROWSER, ERRORS, PYTHON, Host, Line
from tests.faults.ledger import Client
from tests.support.waiting import wait_for

START_SECONDS = 60.0


class Records(queue.Queue[Line]):
    """Writes down at once what clients say; each user is heard on one thread.

    Attributes:
        started: which users are connected, or about to be.
        wrong: what they should not have said.
    """

    def __init__(self, accounts: Sequence[Account]) -> None:
        super().__init__()
        self._accounts = accounts
        self.started: set[int] = set()
        self.wrong: list[str] = []

    def put(self, item: Line, block: bool = True, timeout: float | None = None) -> None:
        account = self._accounts[item["user"]]
        match item["what"]:
            case "raw":
                account.receive(item["seq"], item["at"])
            case "given":
                account.give(item["notification"], item["at"])
            case "started":
                self.started.add(item["user"])
            case _:
                self.wrong.append(f"{account.name}: {item}")


class Shipped:
    """Users with the Python client and with the browser's, in turn.

    Args:
        users: whose ledger gets their records, and ends the clients.
        urls: of each user, where its client connects.
        folder: for logs.
    """

    def __init__(self, users: Sequence[Client], urls: Sequence[str], folder: Path) -> None:
        self._accounts = [
            Account(f"{['python', 'browser'][n % 2]}-{n}", each.user_id)
            for n, each in enumerate(users)
        ]
        self._records = Records(self._accounts)
        ledger = users[0].ledger
        ledger.heard += self._accounts
        # Last of all, when the processes have ended and their logs were read.
        ledger.held.callback(self._check)
        hosts = []
        for name, command, wrong in [("python", PYTHON, ERRORS), ("browser", BROWSER, ANYTHING)]:
            log = folder / f"{name}.log"
            hosts.append(Host(command, self._records, log, wrong, self._records.wrong))
            ledger.held.callback(hosts[-1].end)
        for n, (user, url) in enumerate(zip(users, urls, strict=True)):
            who = {"url": url, "email": user.email, "password": user.password}
            hosts[n % 2].send({"do": "start", "user": n} | who)
        wait_for(lambda: len(self._records.started) == len(users), "all signed in", START_SECONDS)

    def _check(self) -> None:
        assert self._records.wrong == [], "\n".join(self._records.wrong)
