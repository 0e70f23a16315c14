"""Deadlines, and pauses between tries."""

import math
import random
import time
from collections.abc import Iterator

FIRST_SECONDS = 0.5
LONGEST_SECONDS = 10.0


class Deadline:
    """A point in time, by the monotonic clock.

    Args:
        seconds: from now; None for one that never comes.
    """

    def __init__(self, seconds: float | None) -> None:
        self._at = math.inf if seconds is None else time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds until then, at least 0; infinite if it never comes."""
        return max(0.0, self._at - time.monotonic())

    @property
    def passed(self) -> bool:
        """Whether it is over."""
        return self.left <= 0

    def at_most(self, seconds: float) -> "Deadline":
        """This one, or so many seconds from now, whichever comes first."""
        return Deadline(min(self.left, seconds))


def full_jitter(first: float = FIRST_SECONDS, longest: float = LONGEST_SECONDS) -> Iterator[float]:
    """Pauses in seconds, each drawn from zero to a limit that doubles up to the longest.

    Many clients that lost one server do not come back in one moment.
    """
    limit = first
    while True:
        yield random.uniform(0, limit)
        limit = min(longest, limit * 2)
