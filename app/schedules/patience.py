"""What a beat remembers of schedules that it could not tick: when to try again, and when to give up.

It is in memory, so each beat judges by what it saw itself: while an older version runs beside a newer
one, it neither keeps the newer one from a type that only that knows, nor pauses the schedule.
"""

import time
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

# With these, the try that is one too many comes after more than an hour: longer than a change of versions.
LONGEST_WAIT_SECONDS = 300.0
MOST_FAILURES = 20


class Due(NamedTuple):
    """A tick that is due; it stays the same until somebody deals with it."""

    schedule_id: UUID
    user_id: UUID
    at: datetime


class _Failures(NamedTuple):
    times: int
    reason: str
    until: float


class Patience:
    """Failures of one process, of ticks that are still due.

    Args:
        clock: seconds that only go on.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: dict[Due, _Failures] = {}

    def keep(self, due: Iterable[Due]) -> None:
        """Forget all others: somebody dealt with them."""
        self._failures = {each: self._failures[each] for each in due if each in self._failures}

    def failed(self, due: Due, reason: str) -> None:
        """Put a tick off: for seconds at first, then for minutes.

        Args:
            reason: for the schedule's owner, if it comes to that.
        """
        times = self._failures[due].times + 1 if due in self._failures else 1
        wait = min(2.0**times, LONGEST_WAIT_SECONDS)
        self._failures[due] = _Failures(times, reason, self._clock() + wait)

    def waits(self, due: Due) -> bool:
        """Whether it was put off, and is not to be tried yet."""
        return due in self._failures and self._clock() < self._failures[due].until

    def verdict(self, due: Due) -> str | None:
        """Why its schedule is to be paused; None as long as another try may help."""
        failures = self._failures.get(due)
        return failures.reason if failures and failures.times > MOST_FAILURES else None
