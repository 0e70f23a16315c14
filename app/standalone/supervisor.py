"""The processes of the application, side by side, with one stream of output.

They end together: when one ends by itself, when we are told to stop, and (on Linux) when we are
killed.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from itertools import cycle
from types import TracebackType
from typing import IO, Self

from app.standalone.unprivileged import RunAs, command_line

STOP_SECONDS = 8.0
OUTPUT_SECONDS = 1.0
COLOURS = cycle((36, 33, 32, 35, 34))  # ANSI: cyan, yellow, green, magenta, blue


@dataclass
class Member:
    """One process and the thread that prints what it says."""

    name: str
    process: subprocess.Popen[bytes]
    colour: int = field(default_factory=lambda: next(COLOURS))
    reader: threading.Thread | None = None


class Supervisor:
    """Starts processes, prints their output with a prefix, stops them all.

    Use it as a context manager: leaving it leaves none of them running.
    """

    def __init__(self) -> None:
        self._members: list[Member] = []
        self._printing = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self, name: str, command: list[str]) -> None:
        """Start a process; from the main thread (see `launch.py`).

        It gets a session of its own, so that Ctrl-C reaches only us and we say who stops when.

        Args:
            name: stands before each line of its output.
            command: an absolute path and its arguments.
        """
        process = subprocess.Popen(
            command_line(command, RunAs.SAME, signal.SIGTERM),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        member = Member(name, process)
        member.reader = threading.Thread(target=self._relay, args=[member], daemon=True)
        self._members.append(member)
        member.reader.start()

    def ended(self) -> str | None:
        """A description of the process that has ended, if one has: `worker (exit status 1)`."""
        for member in self._members:
            status = member.process.poll()
            if status is not None:
                how = f"signal {-status}" if status < 0 else f"exit status {status}"
                return f"{member.name} ({how})"
        return None

    def stop(self) -> None:
        """Stop all: politely first, after `STOP_SECONDS` by force, with all they have started."""
        for member in self._members:
            member.process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for member in self._members:
            try:
                member.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                self.say(f"{member.name} did not stop in time and is killed", member)
            _kill_session(member.process.pid)
            member.process.wait()
            if member.reader is not None:
                member.reader.join(OUTPUT_SECONDS)
        self._members.clear()

    def say(self, text: str, member: Member | None = None) -> None:
        """Print a line as if `member`, or the set-up itself, had said it."""
        name, colour = (member.name, member.colour) if member else ("ringback", 0)
        prefix = f"{name:<8} |"
        if sys.stdout.isatty():
            prefix = f"\033[{colour}m{prefix}\033[0m"
        with self._printing:
            sys.stdout.write(f"{prefix} {text}\n")
            sys.stdout.flush()

    def _relay(self, member: Member) -> None:
        stream: IO[bytes] | None = member.process.stdout
        assert stream is not None
        with stream:
            for line in stream:
                try:
                    self.say(line.decode(errors="replace").rstrip(), member)
                except OSError:
                    # Our own output is gone (a closed terminal). Go on reading all the same: a
                    # full pipe would hold up the process.
                    continue


def _kill_session(leader: int) -> None:
    """Kill what is left of a process group whose leader has had its time."""
    with contextlib.suppress(ProcessLookupError, PermissionError):  # the latter: macOS, zombies
        os.killpg(leader, signal.SIGKILL)
