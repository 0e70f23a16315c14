"""What every test can use: real servers, a fresh database, and two rules for all.

No test reaches past the loopback, and with RINGBACK_TEST_NO_SKIP=1 (`.ci/run`) a skip is a failure.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Generator, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from app.standalone.servers import Servers

NO_SKIP = os.environ.get("RINGBACK_TEST_NO_SKIP") == "1"
ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = "migrated"
DATABASE_NUMBERS = count(1)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, Any]:
    return _forbid_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, Any, Any]:
    return _forbid_skip((yield))


def _forbid_skip(report: Any) -> Any:
    if NO_SKIP and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"Skipped, which RINGBACK_TEST_NO_SKIP=1 forbids: {report.longrepr}"
    return report


@pytest.fixture(scope="session", autouse=True)
def stay_on_the_loopback() -> Iterator[None]:
    """Refuse connections of this process to anywhere else."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in {socket.AF_INET, socket.AF_INET6}:
            host = str(address[0])
            assert host.startswith("127.") or host in {"::1", "localhost"}, f"{host} is elsewhere"
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded)
        yield


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """An empty folder that another user may enter (pytest's own are closed to them)."""
    with tempfile.TemporaryDirectory(prefix="ringback-test-") as path:
        Path(path).chmod(0o711)
        yield Path(path)


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """Postgres and Valkey, shared by the whole run."""
    folder = Path(tempfile.mkdtemp(prefix="ringback-test-"))
    folder.chmod(0o711)
    with Servers(folder) as running:
        yield running
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def migrated_database(servers: Servers) -> str:
    """The name of a database with the present schema and the demo users, to be copied only."""
    url = _execute(servers, f"CREATE DATABASE {TEMPLATE}", TEMPLATE)
    settings = {
        "RINGBACK_DATABASE_URL": url,
        "RINGBACK_ENVIRONMENT": "development",
        "RINGBACK_DEMO_USERS": "true",
    }
    environment = {**os.environ, **servers.environment(), **settings}
    command = [sys.executable, "-m", "app", "migrate"]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return TEMPLATE


@pytest.fixture(scope="module")
def database(servers: Servers, migrated_database: str) -> Iterator[str]:
    """The address of a fresh migrated database with the demo users, for one test module."""
    name = f"module_{next(DATABASE_NUMBERS)}"
    yield _execute(servers, f"CREATE DATABASE {name} TEMPLATE {migrated_database}", name)
    _execute(servers, f"DROP DATABASE {name} WITH (FORCE)", name)


def _execute(servers: Servers, statement: str, name: str) -> str:
    """Run a statement about the database `name`; its address comes back."""
    connection = psycopg2.connect(servers.postgres.url.replace("+psycopg2", "", 1))
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
    finally:
        connection.close()
    return f"{servers.postgres.url.rpartition('/')[0]}/{name}"
