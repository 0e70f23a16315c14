"""Processes that hold the users' clients, and talk to us in lines of JSON.

Commands, on their standard input:
    start: user, url, email, password: sign in, connect.
    submit: call, user, order (see `Order`): start a job.
    cancel: call, user, job. retry: call, user, job, key.
What they say, each with `what` and `user`:
    started. raw: seq, at. given: notification, at.
    answer: call, jobs (ids). refused: call, reason: nobody answered, so nothing was promised.
    wrong: reason, and call if it was one: a defect.
"""

import contextlib
import json
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from app.standalone.unprivileged import RunAs, command_line
from tests.support.node import node
from tests.support.process import ROOT

FOLDER = Path(__file__).parent
PYTHON = [sys.executable, "-m", "tests.chaos.python_clients"]
BROWSER = [node(), str(FOLDER / "browser_clients.mjs")]
END_SECONDS = 5.0

Line = dict[str, Any]


class Host:
    """One such process.

    Args:
        command: its command line.
        lines: where what it says goes.
        log: where goes what it says in other words.
    """

    def __init__(self, command: list[str], lines: "queue.Queue[Line]", log: Path) -> None:
        self.log = log
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                command_line(command, RunAs.SAME, signal.SIGKILL),
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,
            )
        self._lines = lines
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def send(self, command: Line) -> None:
        """Give it a command."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(command) + "\n")
            self._process.stdin.flush()
        except OSError as error:
            raise RuntimeError(f"a process of clients has ended; its log: {self.log}") from error

    def end(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait(END_SECONDS)
        self._reader.join(END_SECONDS)
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with contextlib.suppress(OSError):  # of what could not be written any more
                pipe.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(json.loads(line))
