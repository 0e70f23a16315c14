"""Everything a hostile client can send to every route, made out of the API's own description.

To look into a failure, start a server and run what `fuzz` runs; `schemathesis.toml` says which
expectations are other than Schemathesis' own, and why.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.api import Api
from tests.support.process import ROOT
from tests.support.stack import Stack

CONFIG = Path(__file__).with_name("schemathesis.toml")
SECONDS = 150
# They end the sign-in with which they are called, and have a run of their own.
ENDING = ["POST /v1/logout", "DELETE /v1/sessions/{session_id}"]
WITHOUT_ENDING = [part for name in ENDING for part in ("--exclude-name", name)]
ENDING_ONLY = [part for name in ENDING for part in ("--include-name", name)]


@pytest.fixture(scope="module")
def quiet_stack(own_stack: Stack) -> Stack:
    """One whose jobs, of which there will be many and large ones, stay in the queue."""
    own_stack.worker.stop()
    own_stack.beat.stop()
    return own_stack


def fuzz(stack: Stack, token: str, *options: str) -> None:
    """Run Schemathesis on every operation; fails with its report."""
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG)),
        *("run", f"{stack.url}/openapi.json", "--checks", "all", "--no-color", *options),
    ]
    environment = os.environ | {
        "FUZZ_TOKEN": token,
        "SCHEMATHESIS_HOOKS": "tests.fuzz.hooks",
        "PYTHONPATH": str(ROOT),
        "NO_PROXY": "*",
    }
    done = subprocess.run(
        command,
        cwd=stack.folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing_leaks" not in done.stdout


@pytest.mark.timeout(SECONDS + 30)
def test_a_user_finds_nothing_that_breaks(quiet_stack: Stack) -> None:
    fuzz(quiet_stack, quiet_stack.new_user().token, *WITHOUT_ENDING)


@pytest.mark.timeout(SECONDS + 30)
def test_an_administrator_finds_nothing_that_breaks(quiet_stack: Stack) -> None:
    admin = quiet_stack.new_user()
    role = {"role": "admin"}
    quiet_stack.admin.ok("PATCH", f"/v1/users/{admin.user_id}", json=role)
    users = ["--include-path-regex", "^/(v1/users|healthz|readyz|metrics)"]
    fuzz(quiet_stack, admin.token, *users)


@pytest.mark.timeout(SECONDS + 30)
def test_nobody_in_particular_finds_nothing_that_breaks(quiet_stack: Stack) -> None:
    fuzz(quiet_stack, "nonsense", "--phases", "examples,coverage")


def test_ending_sign_ins_in_all_ways_breaks_nothing(quiet_stack: Stack) -> None:
    fuzz(quiet_stack, quiet_stack.new_user().token, *ENDING_ONLY)


def test_after_all_that_the_server_is_well(quiet_stack: Stack) -> None:
    me: Api = quiet_stack.new_user()
    assert me.ok("GET", "/v1/users/me")["email"] == me.email
    log = quiet_stack.server.process.log.read_text()
    assert "request failed" not in log
