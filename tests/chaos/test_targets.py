"""What a target says that it has done to its process, it has done."""

import subprocess
import sys
from types import SimpleNamespace
from typing import Any

from tests.chaos.targets import Application
from tests.support.waiting import wait_for

PARENT = (
    "import subprocess, sys; subprocess.Popen(['cat'], stdin=subprocess.PIPE); sys.stdin.read()"
)


def test_a_worker_says_whether_one_of_its_processes_was_killed() -> None:
    """Also of one whose process is dead already, and not yet buried."""
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE)
    try:
        process: Any = SimpleNamespace(pid=parent.pid, kill=None, freeze=None, thaw=None)
        worker = Application("worker 1", process)
        wait_for(worker.kill_child, "a process that is killed")
        wait_for(lambda: not worker.kill_child(), "no more process to kill")
    finally:
        parent.communicate()
    assert not worker.kill_child()
