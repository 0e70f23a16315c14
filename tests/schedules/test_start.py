"""A beat as a process: what it does at its start."""

import subprocess
import sys

from app.standalone.servers import Servers
from tests.support.process import ROOT


def test_system_schedules_declared_wrongly_stop_the_start_of_the_beat_and_name_the_type(
    servers: Servers,
) -> None:
    environment = servers.environment() | {
        "PATH": "/usr/bin:/bin",
        "RINGBACK_ENVIRONMENT": "development",
        "RINGBACK_JOB_TYPE_PACKAGES": "app.job_types,tests.schedules.wrong_types",
    }
    done = subprocess.run(
        [sys.executable, "-m", "app", "beat"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 78, done.stdout + done.stderr
    (line,) = done.stderr.splitlines()
    assert "tests.schedules.wrong_types.NeverRuns" in line
    assert "'never'" in line and "Bad day-of-month" in line
