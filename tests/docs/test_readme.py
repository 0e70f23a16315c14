"""Each shell block of the README as it stands, in a fresh copy, with an empty home.

The copy installs all from its own files, so this needs what a new user needs: the network, and port
5005. What needs Docker is run in `tests/compose`.
"""

import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest

from tests.docs.pages import ROOT, blocks
from tests.support.fresh_copy import make_fresh_copy
from tests.support.waiting import wait_for

PORT = 5005
INSTALL_SECONDS = 420.0
STOP_SECONDS = 30.0
RUN = "make run\n"
TEST = "make test\n"
# Where blocks are run that are not run here.
CI = ROOT / ".ci/run"
COMPOSE = ROOT / "tests/compose/test_readme.py"


def second_terminal() -> str:
    """What a reader types while `make run` runs: all but what other tests run."""
    shell = blocks("README.md", "sh")
    return "".join(each for each in shell if each not in {RUN, TEST} and "docker" not in each)


@pytest.fixture
def fresh_copy(open_folder: Path) -> Path:
    return make_fresh_copy(open_folder / "ringback")


@pytest.fixture
def environment(open_folder: Path) -> dict[str, str]:
    """No settings, no activated environment, an empty home; how packages are reached stays."""
    (open_folder / "home").mkdir()
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("RINGBACK_", "VIRTUAL_ENV", "PYTEST", "XDG_", "MAKE", "MFLAGS"))
    }
    return inherited | {"HOME": str(open_folder / "home")}


@pytest.fixture
def running(fresh_copy: Path, environment: dict[str, str]) -> Iterator[Path]:
    """`make run` in the fresh copy, until it says that it runs; Ctrl-C stops it."""
    log = fresh_copy.parent / "make-run.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["bash", "-c", RUN],
            cwd=fresh_copy,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_for(lambda: _says_that_it_runs(process, log), "`make run`", seconds=INSTALL_SECONDS)
        yield fresh_copy
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
        process.wait(STOP_SECONDS)
    assert "\nStopped. The data is kept in" in log.read_text(), log.read_text()


def _says_that_it_runs(process: subprocess.Popen[bytes], log: Path) -> bool:
    assert process.poll() is None, log.read_text()
    return f"Ringback runs at http://localhost:{PORT}" in log.read_text()


@pytest.fixture
def free_port_5005() -> None:
    """The README names this port, and it is to be tried as it stands."""
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", PORT)) == 0:
            pytest.skip(f"something else answers on port {PORT}; stop it for this test")


@pytest.mark.timeout(900)
def test_what_the_readme_says_works_in_a_fresh_copy(
    free_port_5005: None, running: Path, environment: dict[str, str]
) -> None:
    script = "set -euo pipefail\n" + second_terminal() + '\necho "$JOB" >job.txt\n'
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=running,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    states, _, rest = done.stdout.partition("{")
    assert states.split()[-1] == "succeeded"
    notifications, _ = json.JSONDecoder().raw_decode("{" + rest)
    (rung,) = notifications["items"]
    assert rung["job_id"] == (running / "job.txt").read_text().strip()
    workbook = openpyxl.load_workbook(running / "excel_test.xlsx", read_only=True)
    assert sum(1 for _ in workbook["Rows"].iter_rows()) == 20_001


def test_every_block_of_the_readme_is_run_by_a_test() -> None:
    shell = blocks("README.md", "sh")
    assert shell[:2] == [RUN, TEST]
    assert "make test" in CI.read_text()
    assert "docker_blocks()" in COMPOSE.read_text()
    here = second_terminal()
    assert [each for each in shell[2:] if each not in here and "docker" not in each] == []
