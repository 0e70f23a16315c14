"""Whoever starts them: root in both ways that Postgres permits, and an ordinary user."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from app.standalone import unprivileged
from app.standalone.folder import StandaloneError
from app.standalone.launch import NOBODY
from app.standalone.postgres import BINARIES
from app.standalone.servers import Servers
from app.standalone.unprivileged import LAUNCHER, RunAs
from tests.standalone.support import ROOT, query

# The ways to leave root behind that this system permits, and the uid that others then see.
UIDS = {RunAs.NAMESPACE: 0, RunAs.SETUID: NOBODY}
POSTGRES = BINARIES / "postgres"
WAYS = [way for way in UIDS if os.geteuid() == 0 and unprivileged._works(way, POSTGRES, Path("/"))]

SCRIPT = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from app.standalone.servers import Servers
assert os.geteuid() == os.getuid() != 0
for _ in range(2):
    with Servers(Path(sys.argv[2])) as servers:
        print("started as", os.getuid(), servers.stopped())
"""


def force(monkeypatch: pytest.MonkeyPatch, allowed: RunAs | None) -> None:
    """A system on which only one way (or none) to leave root behind works."""
    works = unprivileged._works
    monkeypatch.setattr(
        unprivileged, "_works", lambda way, *rest: way is allowed and works(way, *rest)
    )


def owners_of_postgres(servers: Servers) -> set[int]:
    """The uids that Postgres' processes have outside of any namespace."""
    postmaster = psutil.Process(servers.postgres.pid)
    return {process.uids().real for process in [postmaster, *postmaster.children()]}


@pytest.mark.root
@pytest.mark.parametrize("way", WAYS)
def test_root_can_start_servers(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch, way: RunAs
) -> None:
    force(monkeypatch, way)
    with Servers(open_folder / "data") as servers:
        assert query(servers, "SELECT 1") == [(1,)]
        assert owners_of_postgres(servers) == {UIDS[way]}


@pytest.mark.root
def test_root_may_go_from_one_way_to_the_other_and_back(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Servers(open_folder / "data") as servers:
        query(servers, "CREATE TABLE kept AS SELECT 7 AS number")
    for way in (*WAYS, *WAYS):
        with monkeypatch.context() as patch:
            force(patch, way)
            with Servers(open_folder / "data") as servers:
                assert query(servers, "SELECT number FROM kept") == [(7,)]


@pytest.mark.root
def test_root_is_told_what_to_do_where_neither_way_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    force(monkeypatch, None)
    with pytest.raises(StandaloneError, match="Run Ringback as an ordinary user, or move"):
        Servers(tmp_path / "data").start()


@pytest.mark.root
def test_the_folder_of_another_user_is_left_alone(open_folder: Path) -> None:
    theirs = open_folder / "data"
    theirs.mkdir()
    os.chown(theirs, 1234, 1234)
    with pytest.raises(StandaloneError, match="belongs to another user"):
        Servers(theirs).start()
    assert list(theirs.iterdir()) == []


def test_an_ordinary_user_can_start_servers(open_folder: Path) -> None:
    home = open_folder / "home"
    home.mkdir()
    done = subprocess.run(
        [*ordinary_python(home), "-c", SCRIPT, str(ROOT), str(home / "data")],
        cwd=home,
        env={"HOME": str(home), "PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("started as") == 2


def ordinary_python(home: Path) -> list[str]:
    """How to run this Python as an ordinary user.

    From root: as uid 65534, or, if that may not reach this Python (it lies in root's home, say),
    in a user namespace, where the kernel grants no more to it than to any other user.
    """
    if os.geteuid() != 0:
        return [sys.executable]
    reachable = unprivileged._works(RunAs.SETUID, Path(sys.executable), home)
    way = RunAs.SETUID if reachable else RunAs.NAMESPACE
    if reachable:
        os.chown(home, NOBODY, NOBODY)
    parent = str(os.getpid())
    return [sys.executable, "-I", "-S", str(LAUNCHER), way, "9", parent, sys.executable]


def test_the_launcher_is_there_and_needs_nothing_of_ours(tmp_path: Path) -> None:
    """It runs before anything is decided, isolated from the environment."""
    copy = shutil.copy(LAUNCHER, tmp_path)
    command = [sys.executable, "-I", "-S", copy, "same", "9", str(os.getpid()), "/bin/echo", "hi"]
    assert subprocess.check_output(command, cwd=tmp_path, text=True) == "hi\n"


def test_the_launcher_ends_at_once_if_its_parent_is_gone(tmp_path: Path) -> None:
    command = [sys.executable, "-I", "-S", str(LAUNCHER), "same", "9", "1", "/bin/echo", "hi"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (-9, "")
