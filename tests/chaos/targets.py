"""What can be broken: processes of the application, and its two servers, in one shape."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Protocol

import psutil
import redis
import requests

from app.standalone.server import Server
from tests.faults.cluster import Cluster, freeze, thaw
from tests.support.database import query
from tests.support.process import AppProcess

LOOK_SECONDS = 1.0
STARTING_SECONDS = 20.0
# What a worker logs when it has started.
READY = b" ready."
STORE_SECONDS = 5.0
TERMINATE = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


class Target(Protocol):
    """A process, or a server with its processes."""

    name: str

    def kill(self) -> None: ...

    def freeze(self) -> None: ...

    def thaw(self) -> None: ...

    def terminate(self) -> None: ...

    def runs(self) -> bool: ...

    def start(self) -> None: ...

    def answers(self) -> bool: ...

    def status(self) -> int: ...


class Application:
    """A server, worker or beat.

    Args:
        url: of a server.
    """

    def __init__(self, name: str, process: AppProcess, url: str | None = None) -> None:
        self.name, self.process, self._url = name, process, url
        self.kill, self.freeze, self.thaw = process.kill, process.freeze, process.thaw
        self._started_at = -STARTING_SECONDS
        self._log_begins = 0

    def start(self) -> None:
        self._started_at = time.monotonic()
        self._log_begins = self.process.log.stat().st_size
        self.process.start()

    def terminate(self) -> None:
        os.kill(self.process.pid, signal.SIGTERM)

    def runs(self) -> bool:
        return self.process.is_running

    def answers(self) -> bool:
        if self._url is None:
            return self.runs()
        try:
            return requests.get(f"{self._url}/healthz", timeout=LOOK_SECONDS).ok
        except requests.RequestException:
            return False

    def status(self) -> int:
        """Exit status of one that has ended; one that had just been started need not take a signal."""
        status = self.process.stop()
        is_young = time.monotonic() - self._started_at < STARTING_SECONDS
        return 0 if status == -signal.SIGTERM and is_young else status

    def is_ready(self) -> bool:
        """Whether a worker takes jobs; while it starts, it ends if one of its processes does."""
        with self.process.log.open("rb") as log:
            log.seek(self._log_begins)
            return self.runs() and READY in log.read()

    def kill_child(self) -> bool:
        """SIGKILL to one of the processes that run a worker's jobs; returns whether there was one."""
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in psutil.Process(self.process.pid).children():
                if child.status() != psutil.STATUS_ZOMBIE:
                    child.kill()
                    return True
        return False


class Store:
    """Postgres or Valkey."""

    def __init__(self, server: Server) -> None:
        self.name, self.server = server.name.lower(), server
        self.kill, self.start, self.terminate = server.kill, server.start, server.stop

    def freeze(self) -> None:
        freeze(self.server)

    def thaw(self) -> None:
        thaw(self.server)

    def runs(self) -> bool:
        return self.server.is_running

    def answers(self) -> bool:
        return self.runs()

    def status(self) -> int:
        return 0


def targets_of(cluster: Cluster) -> dict[str, list[Target]]:
    """Those of each kind, in the words of the schedule."""
    found: dict[str, list[Target]] = {
        "postgres": [Store(cluster.own.postgres)],
        "valkey": [Store(cluster.own.valkey)],
    }
    for kind, processes in {"worker": cluster.workers, "beat": cluster.beats}.items():
        found[kind] = [Application(f"{kind} {n}", each) for n, each in enumerate(processes, 1)]
    found["server"] = [
        Application(f"server {n}", each.process, each.url)
        for n, each in enumerate(cluster.servers, 1)
    ]
    return found


def cut_sessions(cluster: Cluster) -> None:
    """End all sessions at Postgres."""
    query(cluster.own.postgres.url, TERMINATE)


def cut_subscribers(cluster: Cluster) -> None:
    """Close the connections of all who listen to Valkey."""
    with _valkey(cluster) as client:
        client.client_kill_filter(_type="pubsub")


def flush(cluster: Cluster) -> None:
    """Empty Valkey."""
    with _valkey(cluster) as client:
        client.flushall()


@contextlib.contextmanager
def _valkey(cluster: Cluster) -> Iterator[redis.Redis]:
    with closing(
        redis.Redis.from_url(cluster.own.valkey.url, socket_timeout=STORE_SECONDS)
    ) as client:
        yield client
