"""A crowd of connected clients, JavaScript and Python, each with a record of what it was told."""

from collections.abc import Callable, Sequence
from typing import Any

from flask import Flask

from tests.faults.bell import Account, Bell, Ringing
from tests.faults.heard import Heard
from tests.faults.layer import Pauses, PythonClient
from tests.faults.ledger import Client
from tests.support.node import NodeProcess
from tests.support.waiting import wait_for

UP_SECONDS = 180.0


class NodeClients(NodeProcess):
    """One Node process with any number of clients in it; see `crowd.mjs`."""

    def __init__(self) -> None:
        self._heard: list[Heard] = []
        super().__init__("crowd.mjs")

    def join(
        self,
        heard: Sequence[Heard],
        urls: Sequence[list[str]],
        tokens: Sequence[str],
        pauses: Pauses,
    ) -> None:
        """One more client for each record."""
        first_key = len(self._heard)
        self._heard += heard
        wanted = [
            {"key": first_key + n, "urls": urls[n], "token": token, "after": heard[n].start}
            | {"device": heard[n].name, "pauses": [pauses.first, pauses.longest]}
            for n, token in enumerate(tokens)
        ]
        self.command("join", wanted)

    def command(self, name: str, argument: Any = None) -> None:
        self.send([name, argument])

    def take(self, line: Any) -> None:
        for key, what, value, milliseconds in line:
            note(self._heard[key], what, value, milliseconds / 1000)


def note(heard: Heard, what: str, value: Any, at: float) -> None:
    """Write down what a client in Node reports."""
    if what in {"raw", "given"}:
        getattr(heard, what).append((value, at))
    elif what == "up":
        heard.ups.append(at)
    else:
        heard.downs.append((at, value))
        heard.refused = value if what == "refused" else None


class Crowd:
    """Of one test; its clients are in the test's ledger, and so in the audit.

    Args:
        core: an app in this process with the settings of the cluster.
        heard: where the records go.

    Attributes:
        bell: rings its users.
        records: of its clients, in the order of their joining.
    """

    def __init__(self, core: Flask, heard: list[Heard]) -> None:
        self.bell = Bell(core)
        self.records: list[Heard] = []
        self._ledger = heard
        self._node: NodeClients | None = None
        self._python: list[PythonClient] = []

    @property
    def user_ids(self) -> list[str]:
        return list(dict.fromkeys(each.user_id for each in self.records))

    def join(self, javascript: int, python: int, *urls: str) -> None:
        """New users, each with one client, and wait until all are connected.

        Args:
            urls: addresses; clients begin at different ones, and go on to the next when they lose one.
        """
        accounts = self.bell.accounts(javascript + python)
        ways = [[*urls[n % len(urls) :], *urls[: n % len(urls)]] for n in range(len(accounts))]
        self.add_javascript(accounts[:javascript], ways[:javascript])
        self.add_python(accounts[javascript:], ways[javascript:])
        self.wait_until_up()

    def listen_for(self, client: Client, *urls: str) -> None:
        """One more client, in Node, for a user of the ledger who also submits jobs."""
        self.add_javascript([Account(client.user_id, client.token)], [list(urls)])
        self.wait_until_up()

    def add_javascript(
        self, accounts: Sequence[Account], urls: Sequence[list[str]], pauses: Pauses | None = None
    ) -> None:
        """A client in Node for each account, with its own list of addresses."""
        if accounts:
            self._node = self._node or NodeClients()
            records = self._new_records("js", accounts)
            self._node.join(records, urls, [each.token for each in accounts], pauses or Pauses())

    def add_python(
        self, accounts: Sequence[Account], urls: Sequence[list[str]], pauses: Pauses | None = None
    ) -> None:
        """The same, in threads of this process."""
        records = self._new_records("python", accounts)
        for record, account, mine in zip(records, accounts, urls, strict=True):
            own = Pauses(pauses.first, pauses.longest) if pauses else Pauses()
            self._python.append(PythonClient(record, mine, account.token, own))

    def _new_records(self, kind: str, accounts: Sequence[Account]) -> list[Heard]:
        first = len(self.records)
        new = [Heard(f"{kind}-{first + n}", each.user_id) for n, each in enumerate(accounts)]
        self.records += new
        self._ledger += new
        return new

    def wait_until_up(self, seconds: float = UP_SECONDS) -> None:
        """Wait until all are connected."""
        self._wait(lambda each: each.is_up, "a connection", seconds)

    def wait_until_heard(self, number: int, seconds: float = UP_SECONDS) -> None:
        """Wait until each was given all numbers up to this one."""
        self._wait(lambda each: each.cursor >= number, f"number {number}", seconds)

    def _wait(self, done: Callable[[Heard], bool], what: str, seconds: float) -> None:
        def all_done() -> bool:
            return all(done(each) for each in self.records)

        try:
            wait_for(all_done, what, seconds)
        except AssertionError as error:
            waiting = [each for each in self.records if not done(each)]
            raise AssertionError(
                f"{len(waiting)} of {len(self.records)} clients still wait for {what} "
                f"after {seconds:.0f} s; the first: {waiting[:1]}"
            ) from error

    def ring(self, *, hints: bool = True) -> None:
        """One notification to each user."""
        self.bell.ring(self.user_ids, hints=hints)

    def ringing(self) -> Ringing:
        """Rings users, in a random order, for as long as a `with` block lasts."""
        return Ringing(self.bell, self.user_ids)

    def lose_some(self) -> None:
        """Each second client in Node loses its connection, and connects again at once."""
        assert self._node is not None
        self._node.command("lose")

    def leave(self) -> None:
        """All disconnect, and stay away."""
        if self._node:
            self._node.command("leave")
        for each in self._python:
            each.leave()
        self._wait(lambda each: not each.is_up, "the end of its connection", UP_SECONDS)

    def come_back(self) -> None:
        """All connect, at once."""
        if self._node:
            self._node.command("return")
        for each in self._python:
            each.come_back()

    def close(self) -> None:
        """End all clients."""
        for each in self._python:
            each.leave()
        for each in self._python:
            each.close()
        if self._node:
            self._node.close()
        self.bell.close()
