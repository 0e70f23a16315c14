"""When a worker has to stop: told by its main process, read by the processes that run its jobs.

The moment is in memory that they share, so it reaches a process whatever its work does, and without
a signal that would break into the work.
"""

import mmap
import time

# Two signals of one stop, to a worker and to its processes, are not further apart.
AT_ONCE_SECONDS = 1.0


class Stopping:
    """The moment until which the jobs of a worker may run on.

    To be made before the worker starts its processes. Where those are not forked (the default of
    Celery elsewhere than on Linux) they do not hear of it, and run to their end.
    """

    def __init__(self) -> None:
        self._shared = memoryview(mmap.mmap(-1, mmap.PAGESIZE)).cast("d")
        self._own = 0.0

    def begin(self, grace_seconds: float) -> None:
        """Take no more jobs, and let those that run have this long; the shortest time counts."""
        self._shared[0] = self._sooner(self._shared[0], grace_seconds)

    def begin_here(self, grace_seconds: float) -> None:
        """Let the job of this process have this long; at once if all jobs had some time already."""
        begun = self._shared[0] - grace_seconds
        again = self.begun and time.monotonic() > begun + AT_ONCE_SECONDS
        self._own = self._sooner(self._own, 0.0 if again else grace_seconds)

    def forget_here(self) -> None:
        """The job of this process has ended."""
        self._own = 0.0

    @property
    def begun(self) -> bool:
        """Whether the worker takes no more jobs."""
        return bool(self._shared[0])

    def overdue(self, patience_seconds: float = 0.0) -> bool:
        """Whether the job of this process has to be handed back, or had to be for this long."""
        now = time.monotonic() - patience_seconds
        return 0 < self._shared[0] <= now or 0 < self._own <= now

    def _sooner(self, moment: float, seconds: float) -> float:
        new = time.monotonic() + seconds
        return min(moment, new) if moment else new


stopping = Stopping()
