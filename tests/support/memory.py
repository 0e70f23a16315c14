"""How much memory processes take."""

import psutil

from tests.support.repeated import Repeated


class PeakMemory(Repeated):
    """The largest resident size that any process of a tree had, sampled while it lives."""

    def __init__(self, pid: int) -> None:
        self.bytes = 0
        self._root = psutil.Process(pid)
        super().__init__(self._look, pause=0.2)

    def _look(self) -> None:
        for process in (self._root, *self._root.children(recursive=True)):
            self.bytes = max(self.bytes, process.memory_info().rss)
