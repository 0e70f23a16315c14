"""How many frames a client may send beside its events: pings and pongs, of WebSockets and of Engine.IO."""

import time
from collections.abc import Callable

# So many times the rate of events, and that for so many seconds at once; clients need one a minute.
FRAMES_PER_EVENT = 5
BURST_SECONDS = 2.0


class Frames:
    """Counts the frames of one client; events are metered elsewhere, and given back.

    Args:
        rate: events a second that the client may send.
        clock: seconds.
    """

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._clock = rate * FRAMES_PER_EVENT, clock
        self._most = self._left = self._rate * BURST_SECONDS
        self._at = clock()

    def take(self) -> bool:
        """Count one frame; returns whether it was permitted."""
        now = self._clock()
        self._left = min(self._most, self._left + (now - self._at) * self._rate)
        self._at = now
        self._left -= 1
        return self._left >= 0

    def give_back(self) -> None:
        """It was an event, which is metered as such."""
        self._left += 1
