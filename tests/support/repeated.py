"""Something done again and again beside a test."""

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self


class Repeated:
    """Calls functions, each in a thread of its own, for as long as its `with` block lasts.

    Args:
        calls: what is done at each turn; an error ends its thread, and fails the test.
        pause: seconds before each call.
    """

    def __init__(self, *calls: Callable[[], object], pause: float) -> None:
        self._pause = pause
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=[each]) for each in calls]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _run(self, call: Callable[[], object]) -> None:
        while not self._stopping.wait(self._pause):
            call()
