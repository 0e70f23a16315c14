"""The whole application as real processes, on a database and a Redis channel of its own."""

import itertools
import re
import secrets
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from uuid import uuid4

import requests
from flask import Flask

from app.config import Settings
from app.factory import create_core
from app.standalone.ports import free_port
from app.standalone.servers import Servers
from tests.support.api import Api
from tests.support.database import create_database
from tests.support.process import AppProcess
from tests.support.waiting import wait_for

ADMIN = ("administrator@test.com", "password1")
USER = ("username@test.com", "password2")

# Short, so that a test which waits for a rescue need not wait long.
QUICK = {
    "RINGBACK_LEASE_SECONDS": "4",
    "RINGBACK_HEARTBEAT_SECONDS": "1",
    "RINGBACK_PROGRESS_SECONDS": "0.1",
    "RINGBACK_SWEEP_SECONDS": "0.3",
    "RINGBACK_RECONCILE_SECONDS": "0.5",
    "RINGBACK_REDISPATCH_SECONDS": "2",
    "RINGBACK_ACCESS_TOKEN_MINUTES": "60",
}
# A whole run comes from one address, and some tests bring rows of years ago; what tests the limits sets
# its own.
UNLIMITED = {
    "RINGBACK_REQUESTS_PER_MINUTE": "1000000",
    "RINGBACK_LOGIN_ATTEMPTS_PER_ACCOUNT": "1000000",
    "RINGBACK_LOGIN_ATTEMPTS_PER_ADDRESS": "1000000",
    "RINGBACK_JOB_DAYS": "36500",
}
# Events that are logged with a stack trace and survived.
UNEXPECTED = re.compile(
    r"step failed|job not swept|schedule not ticked|reconcile failed|event handler raised|handshake failed|watch failed"
    r"|self-test failed|client not told why it is closed"
)
_redis_databases: defaultdict[str, Iterator[int]] = defaultdict(lambda: itertools.count(1))


class AppServer:
    """One server process on a port of its own.

    Attributes:
        url: its address; the same again after a restart.
    """

    def __init__(self, environment: dict[str, str], folder: Path, engine: str) -> None:
        port = free_port()
        self.url = f"http://localhost:{port}"
        self.engine = engine
        mine = {"RINGBACK_PORT": str(port), "RINGBACK_ENGINE": engine}
        self.process = AppProcess("serve", environment | mine, folder / f"{engine}-{port}.log")

    def start(self) -> None:
        self.process.start()
        wait_for(self.answers, f"an answer of {self.url}; log: {self.process.log}")

    def stop(self) -> int:
        return self.process.stop()

    def kill(self) -> None:
        self.process.kill()

    def answers(self) -> bool:
        assert self.process.is_running, f"the server ended; log: {self.process.log}"
        try:
            return requests.get(f"{self.url}/healthz", timeout=2).ok
        except requests.ConnectionError:
            return False


@dataclass
class Stack:
    """Migrated database, server, worker and beat; more of each can be added.

    Attributes:
        environment: the variables of all its processes; RINGBACK_ and what a test adds.
        server: the first server; `url` is its address.
    """

    environment: dict[str, str]
    folder: Path
    server: AppServer = field(init=False)
    worker: AppProcess = field(init=False)
    beat: AppProcess = field(init=False)
    _added: list[AppServer] = field(default_factory=list)
    _more: list[AppProcess] = field(default_factory=list)

    @classmethod
    def start(cls, servers: Servers, folder: Path, **settings: str) -> "Stack":
        environment = servers.environment() | QUICK | UNLIMITED
        redis, _, _ = environment["RINGBACK_REDIS_URL"].rpartition("/")
        environment |= {
            "RINGBACK_ENVIRONMENT": "development",
            "RINGBACK_DEMO_USERS": "true",
            "RINGBACK_DATABASE_URL": create_database(servers),
            "RINGBACK_REDIS_URL": f"{redis}/{next(_redis_databases[redis])}",
            "RINGBACK_CHANNEL": f"test-{secrets.token_hex(4)}",
            "RINGBACK_ARTIFACT_DIR": str(folder / "artifacts"),
            "RINGBACK_JOB_TYPE_PACKAGES": "app.job_types,tests.support.job_types",
        }
        stack = cls(environment | settings, folder)
        stack.migrate()
        stack.worker = AppProcess("worker", stack.environment, folder / "worker.log")
        stack.beat = AppProcess("beat", stack.environment, folder / "beat.log")
        stack.server = AppServer(stack.environment, folder, "eventlet")
        stack.worker.start()
        stack.beat.start()
        stack.server.start()
        return stack

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def database_url(self) -> str:
        return self.environment["RINGBACK_DATABASE_URL"]

    def migrate(self) -> None:
        AppProcess("migrate", self.environment, self.folder / "migrate.log").run()

    def server_under(self, engine: str) -> AppServer:
        """The server of that engine; started when first asked for."""
        for server in (self.server, *self._added):
            if server.engine == engine:
                return server
        return self.add_server(engine)

    def add_server(self, engine: str = "eventlet", **variables: str) -> AppServer:
        """One more server beside the first, on the same database and channel.

        Args:
            variables: more environment variables for it.
        """
        server = AppServer(self.environment | variables, self.folder, engine)
        server.start()
        self._added.append(server)
        return server

    def add(self, command: str, **variables: str) -> AppProcess:
        """One more `worker` or `beat`, with more environment variables; started."""
        name = f"{command}-{len(self._more) + 2}"
        process = AppProcess(command, self.environment | variables, self.folder / f"{name}.log")
        self._more.append(process)
        process.start()
        return process

    def core(self, **changes: float) -> Flask:
        """An app in this process on the same database, for tests of functions.

        Args:
            changes: settings in which it differs.
        """
        names = {
            key.removeprefix("RINGBACK_").lower(): value
            for key, value in self.environment.items()
            if key.startswith("RINGBACK_")
        }
        return create_core(Settings.load(**(names | changes)), role="test")

    @cached_property
    def admin(self) -> Api:
        return Api(self.url, *ADMIN)

    def new_user(self, url: str | None = None) -> Api:
        """A user whom no other test knows, signed in."""
        email, password = f"{uuid4().hex}@test.com", "a long password"
        self.admin.ok("POST", "/v1/users", json={"email": email, "password": password})
        return Api(url or self.url, email, password)

    def stop(self) -> None:
        """Stop what still runs, in the order in which an operator would."""
        everything = [*(each.process for each in self._added), self.server.process]
        for process in (*everything, self.worker, self.beat, *self._more):
            if process.is_running:
                process.stop()
        self._find_unexpected()

    def _find_unexpected(self) -> None:
        """What a process catches in order to go on is still a fault, and fails the run."""
        for log in self.folder.glob("*.log"):
            found = [line for line in log.read_text().splitlines() if UNEXPECTED.search(line)]
            assert found == [], f"{log}: {found[:3]}"
