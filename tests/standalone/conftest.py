"""Servers in a folder of one test, and what is asked of them."""

import shutil
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


@pytest.fixture(scope="module")
def stopped_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of stopped servers that were given one row and one key; to be copied only."""
    folder = tmp_path_factory.mktemp("stopped") / "data"
    with Servers(folder) as servers:
        query(servers, "CREATE TABLE kept AS SELECT 7 AS number")
        valkey(servers).set("kept", "7")
        servers.secret_key()
    return folder


@pytest.fixture
def stopped_servers(stopped_folder: Path, tmp_path: Path) -> Servers:
    """Servers of this test alone, stopped, with one row and one key."""
    return Servers(Path(shutil.copytree(stopped_folder, tmp_path / "data")))


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
