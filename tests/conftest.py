"""What every test can use: real servers, and two rules for all.

No test reaches past the loopback, and with TEST_NO_SKIP=1 (`.ci/run`) a skip is a failure.
"""

import logging
import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from app.standalone.servers import Servers
from tests.support.database import spare_the_disk

pytest_plugins = ["tests.support.fixtures"]
# A thread of the official client says so of a connection that has ended; by then the test may have, too.
logging.getLogger("engineio.client").addFilter(
    lambda record: record.getMessage() != "packet queue is empty, aborting"
)
# What a shell starts in the background without job control ignores Ctrl-C, and all that it starts as well.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
NO_SKIP = os.environ.get("TEST_NO_SKIP") == "1"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, Any]:
    return _forbid_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, Any, Any]:
    return _forbid_skip((yield))


def _forbid_skip(report: Any) -> Any:
    if NO_SKIP and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"Skipped, which TEST_NO_SKIP=1 forbids: {report.longrepr}"
    return report


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what only root can test, rather than skip what no other user could ever run."""
    if os.geteuid() != 0:
        config.hook.pytest_deselected(items=[item for item in items if _is_about_root(item)])
        items[:] = [item for item in items if not _is_about_root(item)]


def _is_about_root(item: pytest.Item) -> bool:
    return item.get_closest_marker("root") is not None


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
        spare_the_disk(running)
        yield running
    shutil.rmtree(folder)
