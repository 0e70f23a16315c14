"""Servers in a folder of one test, and what is asked of them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from app.standalone.servers import Servers
from tests.standalone.support import query, valkey


@pytest.fixture
def own_servers(tmp_path: Path) -> Iterator[Servers]:
    """Servers of this test alone, started."""
    with Servers(tmp_path / "data") as running:
        yield running


@pytest.fixture
def stopped_servers(tmp_path: Path) -> Servers:
    """Servers of this test alone, with one row and one key, stopped again."""
    servers = Servers(tmp_path / "data")
    with servers:
        query(servers, "CREATE TABLE kept AS SELECT 7 AS number")
        valkey(servers).set("kept", "7")
    return servers


@pytest.fixture
def processes_of() -> Callable[[Path], list[str]]:
    """Lists the living processes whose working folder lies in a folder."""

    def find(folder: Path) -> list[str]:
        found = []
        for process in psutil.process_iter(["cwd", "cmdline", "status"]):
            cwd = process.info["cwd"] or ""
            if cwd.startswith(str(folder)) and process.info["status"] != psutil.STATUS_ZOMBIE:
                found.append(f"{process.pid} {process.info['cmdline']}")
        return found

    return find
