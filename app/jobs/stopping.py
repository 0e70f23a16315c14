"""When a worker has to stop: told by its main process, read by the processes that run its jobs.

The moment is in memory that they share, so it reaches a process whatever its work does, and without
a signal that would break into the work.
"""

import mmap
import time


class Stopping:
    """The moment until which the jobs of a worker may run on.

    To be made before the worker starts its processes. Where those are not forked (the default of
    Celery elsewhere than on Linux) they do not hear of it, and run to their end.
    """

    def __init__(self) -> None:
        self._shared = memoryview(mmap.mmap(-1, mmap.PAGESIZE)).cast("d")

    def begin(self, grace_seconds: float) -> None:
        """Take no more jobs, and let those that run have this long; the shortest time counts."""
        moment = time.monotonic() + grace_seconds
        self._shared[0] = min(moment, self._shared[0] or moment)

    @property
    def begun(self) -> bool:
        """Whether the worker takes no more jobs."""
        return bool(self._shared[0])

    def overdue(self, patience_seconds: float = 0.0) -> bool:
        """Whether the jobs have to be handed back now, or had to be for this long."""
        moment = float(self._shared[0])
        return moment > 0 and time.monotonic() >= moment + patience_seconds


stopping = Stopping()
