"""`python -m app.standalone` as a process, watched from outside."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil

from tests.standalone.support import ROOT, until

START_SECONDS = 90.0
STOP_SECONDS = 30.0


class Run:
    """What `make run` starts, with its data in `folder` and its server on `port`."""

    def __init__(self, folder: Path, port: int, log: Path) -> None:
        environment = {**os.environ, "RINGBACK_PORT": str(port)}
        self.folder, self.port, self._log = folder, port, log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "app.standalone", "--folder", str(folder)],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def address(self) -> str:
        """Where its server answers."""
        return f"http://127.0.0.1:{self.port}"

    def output(self) -> str:
        """All it has said so far."""
        return self._log.read_text(errors="replace")

    def wait_until_it_says(self, text: str) -> None:
        """Wait for a text in its output; fails at once if the process ends instead."""

        def said() -> bool:
            ended = self._process.poll() is not None
            assert not ended or text in self.output(), self.output()
            return text in self.output()

        until(said, START_SECONDS)

    def descendants(self) -> list[psutil.Process]:
        """All processes below it: servers, application, pool."""
        return psutil.Process(self._process.pid).children(recursive=True)

    def find(self, *words: str) -> psutil.Process:
        """The topmost process below it whose command line has these words."""
        found = (each for each in self.descendants() if set(words) <= set(each.cmdline()))
        return next(found)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process alone."""
        self._process.send_signal(number)

    def press_control_c(self) -> None:
        """What a terminal does: SIGINT to the whole foreground process group."""
        os.killpg(self._process.pid, signal.SIGINT)

    def wait(self) -> int:
        """Wait for its end; returns the exit status."""
        try:
            return self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            raise AssertionError(self.output()) from None

    def close(self) -> None:
        """Leave nothing running, whatever a test has done."""
        if self._process.poll() is None:
            everything = [psutil.Process(self._process.pid), *self.descendants()]
            for process in everything:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
            self._process.wait()


def are_gone(processes: list[psutil.Process]) -> bool:
    """Whether none of these processes lives any more."""
    return not any(
        each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in processes
    )
