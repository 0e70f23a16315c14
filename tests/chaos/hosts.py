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
import re
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app.standalone.unprivileged import RunAs, command_line
from tests.support.node import node
from tests.support.process import ROOT

FOLDER = Path(__file__).parent
PYTHON = [sys.executable, "-m", "tests.chaos.python_clients"]
BROWSER = [node(), str(FOLDER / "browser_clients.mjs")]
END_SECONDS = 5.0
# What is wrong in the log of the Python clients; the browser's say nothing when all is well.
ERRORS = re.compile(r"ERROR|CRITICAL|Traceback")
ANYTHING = re.compile(r"\S")

Line = dict[str, Any]


class Host:
    """One such process.

    Args:
        command: its command line.
        lines: where what it says goes.
        log: where goes what it says in other words.
        wrong: matches what there must not be in the log.
        findings: takes what is there nevertheless.
    """

    def __init__(
        self,
        command: list[str],
        lines: "queue.Queue[Line]",
        log: Path,
        wrong: re.Pattern[str],
        findings: list[str],
    ) -> None:
        self.log, self._wrong, self._findings = log, wrong, findings
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
        """End it at once, and judge what it has left behind."""
        if (status := self._process.poll()) is not None:
            self._findings.append(f"a process of clients ended by itself ({status}): {self.log}")
        self._process.kill()
        self._process.wait(END_SECONDS)
        self._reader.join(END_SECONDS)
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with contextlib.suppress(OSError):  # of what could not be written any more
                pipe.close()
        self._findings += complaints(self.log, self._wrong)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(json.loads(line))


def complaints(log: Path, wrong: re.Pattern[str]) -> Iterator[str]:
    """The lines of a log in which something wrong is found, and how often each is there."""
    lines = log.read_text(errors="replace").splitlines()
    found = Counter(each for each in lines if wrong.search(each))
    yield from (f"{log.name}, {count} times: {line}" for line, count in found.items())
