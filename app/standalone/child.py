"""A server process: its log, its end, and what is left of it when its parent was killed."""

import contextlib
import signal
import subprocess
from pathlib import Path

import psutil

from app.standalone.unprivileged import RunAs, command_line

STOP_SECONDS = 10.0
# The start time of a process moves with the system's clock; no id is used again this quickly.
CLOCK_STEP_SECONDS = 5.0


class Child:
    """One process at a time, with its log and its record in `folder`."""

    def __init__(self, folder: Path, stop_signal: signal.Signals) -> None:
        """Nothing is started yet.

        Args:
            folder: where `log` and `process` (id and start time) are kept.
            stop_signal: what makes the program end cleanly and soon.
        """
        self.log = folder / "log"
        self._folder = folder
        self._record = folder / "process"
        self._stop_signal = stop_signal
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        """Whether the process was started and has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """The process id, once started."""
        return self._process.pid if self._process else None

    def start(self, command: list[str], run_as: RunAs = RunAs.SAME) -> None:
        """Start `command` in the folder; its log begins anew.

        It gets a session of its own, so that Ctrl-C in the terminal reaches only us.
        """
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                command_line(command, run_as, self._stop_signal),
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        started = psutil.Process(self._process.pid).create_time()
        self._record.write_text(f"{self._process.pid} {started!r}")

    def run(self, command: list[str], run_as: RunAs = RunAs.SAME) -> bool:
        """Start `command`, wait for its end, and say whether it succeeded."""
        self.start(command, run_as)
        assert self._process is not None
        succeeded = self._process.wait() == 0
        self._forget()
        return succeeded

    def stop(self) -> None:
        """End the process cleanly, or by force after `STOP_SECONDS`; no harm if it has ended."""
        if self._process is not None:
            self._process.send_signal(self._stop_signal)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
        self._forget()

    def kill(self) -> None:
        """End the process and its children as a power cut would."""
        if self._process is not None:
            _kill_tree(self._process.pid)
            self._process.wait()
        self._forget()

    def end_leftover(self) -> None:
        """End the process that an earlier, killed parent has left in this folder, if it lives.

        The kernel has told it to end already; elsewhere than on Linux it has heard nothing.
        """
        leftover = self._leftover()
        if leftover is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                leftover.send_signal(self._stop_signal)
                try:
                    leftover.wait(STOP_SECONDS)
                except psutil.TimeoutExpired:
                    _kill_tree(leftover.pid)
                    leftover.wait()
        self._record.unlink(missing_ok=True)

    def last_words(self, lines: int = 6) -> str:
        """The end of the log, indented."""
        try:
            text = self.log.read_text(errors="replace")
        except OSError as error:
            text = f"(the log cannot be read: {error.strerror})"
        return "\n".join(f"    {line}" for line in text.splitlines()[-lines:])

    def _leftover(self) -> psutil.Process | None:
        """The recorded process, unless its id has been given to another one since."""
        try:
            pid, started = self._record.read_text().split()
            process = psutil.Process(int(pid))
            same = abs(process.create_time() - float(started)) < CLOCK_STEP_SECONDS
            return process if same else None
        except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
            return None

    def _forget(self) -> None:
        self._process = None
        self._record.unlink(missing_ok=True)


def _kill_tree(pid: int) -> None:
    """Kill a process and all its descendants (a server's workers may have sessions of their own)."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for member in [process, *process.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
