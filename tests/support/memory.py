"""How much memory processes take."""

import threading

import psutil


class PeakMemory:
    """The largest resident size that any process of a tree had, sampled while it lives."""

    def __init__(self, pid: int) -> None:
        self.bytes = 0
        self._pid = pid
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "PeakMemory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def _watch(self) -> None:
        root = psutil.Process(self._pid)
        while not self._stopping.wait(0.2):
            for process in (root, *root.children(recursive=True)):
                self.bytes = max(self.bytes, process.memory_info().rss)
