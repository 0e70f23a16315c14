"""Real processes of the application."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from app.standalone.unprivileged import RunAs, command_line

ROOT = Path(__file__).resolve().parents[2]
STOP_SECONDS = 40.0


class AppProcess:
    """`python -m app COMMAND` as a process of its own, in a process group of its own.

    Args:
        command: `serve`, `worker` or `beat`.
        environment: its RINGBACK_ variables, none of ours leaks in; and what else it is to have.
        log: where its output goes.
    """

    def __init__(self, command: str, environment: Mapping[str, str], log: Path) -> None:
        self.command, self.log = command, log
        self._environment = dict(environment)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def run(self) -> None:
        """Run to the end; fails if its exit status is not 0."""
        self.start()
        assert self._process is not None
        status = self._process.wait(60)
        assert status == 0, f"{self.command}: {status}\n{self.log.read_text()}"

    def start(self) -> None:
        ours = {key: value for key, value in os.environ.items() if not key.startswith("RINGBACK_")}
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                command_line(
                    [sys.executable, "-m", "app", self.command], RunAs.SAME, signal.SIGKILL
                ),
                cwd=ROOT,
                env=ours | self._environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    def stop(self) -> int:
        """SIGTERM, and wait; returns the exit status."""
        assert self._process is not None
        self._process.terminate()
        try:
            return self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(
                f"{self.command} did not stop within {STOP_SECONDS:.0f} s; its log: {self.log}"
            ) from None

    def restart(self) -> None:
        """Stop, and start with nothing of before in its memory."""
        assert self.stop() == 0
        self.start()

    def kill(self) -> None:
        """SIGKILL to the whole group, children of a worker included."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def freeze(self) -> None:
        """SIGSTOP to the whole group: nothing of it runs until `thaw`."""
        os.killpg(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.killpg(self.pid, signal.SIGCONT)
