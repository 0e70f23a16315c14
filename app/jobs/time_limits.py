"""The time limits of one running job.

After the soft one the work is interrupted where it is; after the hard one its process ends.
"""

import faulthandler
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from app.errors import JobTimedOut
from app.jobs import child

# How long after the hard limit a process ends that could not even end itself.
LAST_RESORT_SECONDS = 5.0
# How long after its lease ran out. It stops at its next progress call, so this has time.
LOST_SECONDS = 30.0


class TimeLimits:
    """Armed while its `with` block runs the work, on the main thread of a worker's process.

    Elsewhere nothing interrupts the work, but its progress calls raise all the same.

    Args:
        soft, hard: seconds.
        started: `time.monotonic()` from before the claim.
        lease: seconds for which each renewal holds.

    Attributes:
        soft, hard: seconds.
        interruption: what the work was interrupted with, whatever it has made of that.
    """

    def __init__(self, soft: float, hard: float, started: float, lease: float) -> None:
        self.interruption: JobTimedOut | None = None
        self.soft, self.hard = soft, hard
        self._soft_at, self._hard_at = started + soft, started + hard
        self._working = self._rang = self._soft_lifted = False
        self._holds = 0
        self._lease = lease
        self._renewed_at = started
        self._arming = threading.Lock()

    @property
    def soft_passed(self) -> bool:
        """Whether the work has to stop."""
        return time.monotonic() >= self._soft_at and not self._soft_lifted

    @property
    def hard_passed(self) -> bool:
        """Whether the process has to end."""
        return time.monotonic() >= self._hard_at

    def error(self) -> JobTimedOut:
        """What to raise once the soft limit has passed."""
        return JobTimedOut(f"The time limit of {self.soft:,g} s has passed.")

    def __enter__(self) -> "TimeLimits":
        self._working = True
        if child.is_interruptible():
            self.renewed(self._renewed_at)
            signal.signal(signal.SIGALRM, self._ring)
            signal.setitimer(signal.ITIMER_REAL, max(self._soft_at - time.monotonic(), 0.001))
        return self

    def __exit__(self, *_: object) -> None:
        self.disarm()

    def disarm(self) -> None:
        """The work is over; again is no harm."""
        self._working = False
        if child.is_interruptible():
            signal.setitimer(signal.ITIMER_REAL, 0)
            with self._arming:
                faulthandler.cancel_dump_traceback_later()

    def renewed(self, at: float) -> None:
        """Put off the end of a process that does nothing for its job any more.

        It is in the hands of a thread of C, so that work which lets no thread of Python run, or a
        database that does not answer, cannot hold it up.

        Args:
            at: `time.monotonic()` from before the renewal of the lease.
        """
        self._renewed_at = at
        lost_at = at + self._lease + LOST_SECONDS
        left = min(self._hard_at + LAST_RESORT_SECONDS, lost_at) - time.monotonic()
        with self._arming:
            if self._working and child.is_child():
                faulthandler.dump_traceback_later(max(left, 0.1), exit=True, file=_nowhere())

    @contextmanager
    def held_off(self) -> Iterator[None]:
        """Do not interrupt this block, but right after it: it must not be left half-done."""
        if threading.current_thread() is not threading.main_thread():
            yield  # is never interrupted
            return
        self._holds += 1
        try:
            yield
        finally:
            self._holds -= 1
        self._raise_if_due()

    def lift_soft(self) -> None:
        """Interrupt no more: what the work has done by now would be told as a failure."""
        self._soft_lifted = True

    def _ring(self, *_: object) -> None:
        self._rang = True
        self._raise_if_due()

    def _raise_if_due(self) -> None:
        """Once: work that cleans up after itself must come to its end."""
        due = self._rang and not self._soft_lifted
        if due and self._working and not self._holds and not self.interruption:
            self.interruption = self.error()
            raise self.interruption


def _nowhere() -> int:
    """The tracebacks that come with this are no log lines."""
    if not _sink:
        _sink.append(os.open(Path(os.devnull), os.O_WRONLY))
    return _sink[0]


_sink: list[int] = []
