"""How much one client, or all together, may ask of the server in a time."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum

from app.errors import ServerBusy

# A burst is so many seconds' worth of events.
BURST_SECONDS = 2.0
# When to come back who did not get a turn.
RETRY_SECONDS = 2.0
# Acknowledgements that one client can be permitted in advance: more than a client is behind that keeps
# up with a replay.
MOST_OWED = 10_000


class Verdict(Enum):
    """What to do with one more event."""

    FINE = "fine"
    WARN = "warn"
    IGNORE = "ignore"
    CLOSE = "close"


class Meter:
    """Meters the events of one client.

    A bucket holds twice the rate and fills at the rate. Beyond it events are ignored, the first with
    a warning; once as many as the bucket holds were too many, the client is to be closed. It is
    forgiven when the bucket is full again.

    Args:
        rate: events a second.
        clock: seconds.
    """

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._clock = rate, clock
        self._most = self._left = rate * BURST_SECONDS
        self._owed = 0
        self._at = clock()
        self._warned = False

    def owe(self) -> None:
        """A notification was sent: the client may send one event more, to acknowledge it."""
        self._owed = min(MOST_OWED, self._owed + 1)

    def take(self, *, acknowledges: bool = False) -> Verdict:
        """Count one event.

        Args:
            acknowledges: whether it is the one that a notification permits.
        """
        now = self._clock()
        self._left = min(self._most, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left == self._most:
            self._warned = False
        if acknowledges and self._owed:
            self._owed -= 1
            return Verdict.FINE
        self._left -= 1
        if self._left >= 0:
            return Verdict.FINE
        if self._left <= -self._most:
            return Verdict.CLOSE
        first, self._warned = not self._warned, True
        return Verdict.WARN if first else Verdict.IGNORE


class Pace:
    """Keeps one connection's doings apart.

    Args:
        rate: how many a second at most.
        at_once: how many more after a time without any.
    """

    def __init__(
        self, rate: float, at_once: int = 0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._apart, self._clock = 1 / rate, clock
        self._saved = at_once * self._apart
        self._next = 0.0

    def pause(self) -> float:
        """Take the next turn; returns how many seconds to wait for it."""
        now = self._clock()
        turn = max(now - self._saved, self._next)
        self._next = turn + self._apart
        return max(0.0, turn - now)


class Slots:
    """Lets few do something at once; the others wait for their turn, but not for ever.

    Args:
        count: how many at once.
        seconds: longest wait.
    """

    def __init__(self, count: int, seconds: float) -> None:
        self._free, self._seconds = threading.BoundedSemaphore(count), seconds

    @contextmanager
    def one(self) -> Iterator[None]:
        """Hold a slot.

        Raises:
            ServerBusy: none got free in time.
        """
        if not self._free.acquire(timeout=self._seconds):
            raise ServerBusy(
                "The server is too busy, or its database does not answer.", RETRY_SECONDS
            )
        try:
            yield
        finally:
            self._free.release()
