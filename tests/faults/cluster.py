"""The whole application on a Postgres and a Valkey of its own, made to be broken and healed."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil

from app.standalone.server import Server
from app.standalone.servers import Servers
from tests.faults.ledger import Client, Ledger
from tests.faults.points import FOLDER, Points
from tests.support.database import spare_the_disk
from tests.support.process import AppProcess
from tests.support.rabbitmq import RabbitMQ
from tests.support.stack import AppServer, Stack
from tests.support.waiting import wait_for

SETTINGS = {
    "RINGBACK_COLLABORATORS": "tests.faults.collaborators:replace",
    "RINGBACK_ORPHAN_SECONDS": "3",
    "RINGBACK_STOP_GRACE_SECONDS": "2",
}
RABBITMQ_CONSUMER_SECONDS = 1800  # as RabbitMQ has it by itself


@dataclass
class Cluster(Stack):
    """Servers, workers and beats; every test leaves it to the next as it was, through `heal`.

    Attributes:
        own: its Postgres and its Valkey.
        broker: what its jobs go through: that Valkey, or a RabbitMQ of its own.
        points: where its processes can be made to fail.
        ledger: of the present test.
    """

    own: Servers = field(init=False)
    broker: Server = field(init=False)
    points: Points = field(init=False)
    ledger: Ledger = field(init=False, default_factory=Ledger)
    _standing: list[AppProcess] = field(init=False, default_factory=list)

    @classmethod
    def launch(
        cls,
        folder: Path,
        *,
        rabbitmq: bool = False,
        servers: int = 1,
        workers: int = 1,
        beats: int = 1,
        **settings: str,
    ) -> "Cluster":
        """Start everything.

        Args:
            folder: an empty one.
            rabbitmq: whether that is the broker.
            servers, workers, beats: how many of each stand during all tests.
            settings: more environment variables of all processes.
        """
        own = Servers(folder / "servers")
        points = Points(folder / "points")
        broker = _rabbitmq(folder) if rabbitmq else own.valkey
        own.start()
        try:
            spare_the_disk(own)
            if rabbitmq:
                broker.start()
                settings["RINGBACK_BROKER_URL"] = broker.url
            cluster = cls._start_on(own, folder, SETTINGS | {FOLDER: str(points.root)} | settings)
            cluster.own, cluster.broker, cluster.points = own, broker, points
            for _ in range(servers - 1):
                cluster.add_server()
            for command, count in {"worker": workers, "beat": beats}.items():
                for _ in range(count - 1):
                    cluster.add(command)
        except BaseException:
            broker.stop()
            own.stop()
            raise
        cluster._standing = cluster.everything()
        return cluster

    @classmethod
    def _start_on(cls, own: Servers, folder: Path, settings: dict[str, str]) -> "Cluster":
        started = cls.start(own, folder, **settings)
        assert isinstance(started, cls)
        return started

    def keep(self, server: AppServer) -> None:
        """From now on it stands during all tests."""
        self._standing.append(server.process)

    @property
    def workers(self) -> list[AppProcess]:
        return [each for each in self.everything() if each.command == "worker"]

    @property
    def beats(self) -> list[AppProcess]:
        return [each for each in self.everything() if each.command == "beat"]

    @property
    def servers(self) -> list[AppServer]:
        return [self.server, *self._added]

    def everything(self) -> list[AppProcess]:
        """All processes of the application, whether they run or not."""
        return [*(each.process for each in self.servers), self.worker, self.beat, *self._more]

    def new_user(self, url: str | None = None) -> Client:
        """See `Stack.new_user`; what is promised to this one goes into the ledger."""
        email, password = f"{uuid4().hex}@test.com", "a long password"
        self.admin.ok("POST", "/v1/users", json={"email": email, "password": password})
        return Client(self.ledger, url or self.url, email, password)

    def process_of(self, fired: dict[str, Any]) -> AppProcess:
        """Whose point has fired; it may be dead by now."""
        (found,) = [each for each in self.everything() if each.pid == fired["group"]]
        return found

    def running(self) -> list[AppProcess]:
        return [each for each in self.everything() if each.is_running]

    def heal(self) -> None:
        """End every fault: nothing is armed or frozen, and whatever belongs here runs."""
        self.points.clear()
        for process in self.running():
            process.thaw()
        for server in {self.own.postgres, self.own.valkey, self.broker}:
            if server.is_running:
                thaw(server)
            else:
                server.start()
        for process in self._standing:
            if not process.is_running:
                process.start()
        for each in self.servers:
            if each.process.is_running:
                wait_for(each.answers, f"an answer of {each.url}")

    def drop_extras(self) -> None:
        """End the processes that the test has added."""
        for process in self.running():
            if process not in self._standing:
                process.kill()
        self._more = [each for each in self._more if each in self._standing]
        self._added = [each for each in self._added if each.process in self._standing]

    def stop(self) -> None:
        """Quickly: whatever could be lost was audited. Also the servers."""
        try:
            for process in self.running():
                process.kill()
            super().stop()
        finally:
            self.broker.stop()
            self.own.stop()


def _rabbitmq(folder: Path) -> Server:
    return RabbitMQ(folder / "rabbitmq", RABBITMQ_CONSUMER_SECONDS)


@contextmanager
def frozen(server: Server) -> Iterator[None]:
    """A server that keeps its connections and says nothing."""
    freeze(server)
    try:
        yield
    finally:
        thaw(server)


def freeze(server: Server) -> None:
    send(server, signal.SIGSTOP)


def thaw(server: Server) -> None:
    send(server, signal.SIGCONT)


def send(server: Server, number: signal.Signals) -> None:
    """A signal to the whole family; a child of Postgres may end at any time."""
    for process in family(server):
        with suppress(ProcessLookupError):
            os.kill(process.pid, number)


def family(server: Server) -> list[psutil.Process]:
    """The server's process and its children, which have sessions of their own."""
    assert server.pid is not None
    process = psutil.Process(server.pid)
    return [process, *process.children(recursive=True)]
