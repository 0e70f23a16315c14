"""What the two real servers have in common: start, stop, kill, and the patience in between."""

import importlib.util
import signal
import time
from abc import ABC, abstractmethod
from pathlib import Path

from app.standalone.child import Child
from app.standalone.folder import START_AFRESH, StandaloneError
from app.standalone.ports import free_port
from app.standalone.unprivileged import RunAs

START_SECONDS = 60.0
POLL_SECONDS = 0.02
# The log of a start that failed for a reason that passes: another process was quicker to take the
# port, or what is left of a killed server is just ending.
PASSING = ("Address already in use", "pre-existing shared memory block")


class Server(ABC):
    """A real server on a loopback port, with its data in a folder of its own."""

    name: str
    stop_signal: signal.Signals

    def __init__(self, folder: Path) -> None:
        """Nothing is started yet.

        Args:
            folder: where data, password and log are kept; made if it is missing.
        """
        self.folder = folder.resolve()
        self.port: int | None = None
        self._child = Child(self.folder, self.stop_signal)

    @property
    @abstractmethod
    def url(self) -> str:
        """The address with its password; valid once started, and the same after a restart."""

    @property
    def is_running(self) -> bool:
        """Whether the server was started and has not ended."""
        return self._child.is_running

    @property
    def pid(self) -> int | None:
        """The process id, while it runs."""
        return self._child.pid

    @property
    def log(self) -> Path:
        """The log file of the last start."""
        return self._child.log

    def start(self) -> None:
        """Start the server and wait until it answers.

        A server started before comes back on the same port.

        Raises:
            StandaloneError: it cannot start; the message shows the end of its log.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._child.end_leftover()
        run_as = self._prepare()
        keeps_port = self.port is not None
        deadline = time.monotonic() + START_SECONDS
        while True:
            self.port = self.port if self.port and keeps_port else free_port()
            self._child.start(self._command(), run_as)
            if self._wait_until_ready(deadline):
                return
            if time.monotonic() > deadline or not self._may_pass():
                raise self._failure()
            time.sleep(POLL_SECONDS)

    def stop(self) -> None:
        """Stop cleanly, within seconds; no harm if it is not running."""
        self._child.stop()

    def kill(self) -> None:
        """Stop as a power cut would (kill -9 of the server and all its processes)."""
        self._child.kill()

    @abstractmethod
    def _prepare(self) -> RunAs:
        """Make what is missing in the folder; say whom the server runs as."""

    @abstractmethod
    def _command(self) -> list[str]:
        """The command line that listens on `self.port`."""

    @abstractmethod
    def _is_ready(self) -> bool:
        """Whether the server answers."""

    def _wait_until_ready(self, deadline: float) -> bool:
        while self._child.is_running and time.monotonic() < deadline:
            if self._is_ready():
                return True
            time.sleep(POLL_SECONDS)
        self._child.stop()
        return False

    def _may_pass(self) -> bool:
        log = self.log.read_text(errors="replace")
        return any(reason in log for reason in PASSING)

    def _failure(self, cause: str | None = None) -> StandaloneError:
        return StandaloneError(
            f"{self.name} {cause or 'did not start'}. The end of its log, {self.log}:\n"
            f"{self._child.last_words()}\n"
            f"If its data is damaged: {START_AFRESH}",
            code="server_failed",
        )


def package_folder(name: str) -> Path:
    """Where an installed package lies; found without importing it (and running its code).

    Raises:
        StandaloneError: it is not installed.
    """
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise StandaloneError(
            f"The package {name} is not installed. `make run` installs it; by hand: "
            "pip install --require-hashes -r requirements/standalone.txt"
        )
    return Path(spec.origin).parent
