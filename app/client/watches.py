"""The jobs that somebody waits for, and the latest that is known of each."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

View = dict[str, Any]

FINAL_STATES = frozenset({"succeeded", "failed", "cancelled"})


class Watch:
    """One job that one or more threads wait for.

    Attributes:
        view: the latest that is known; None before the first look.
        looks: rises each time when there is a reason to ask the server.
    """

    def __init__(self) -> None:
        self.view: View | None = None
        self.looks = 0
        self.watchers = 0

    @property
    def version(self) -> int:
        """Of the view; -1 without one."""
        return self.view["version"] if self.view else -1

    @property
    def has_ended(self) -> bool:
        """Whether the view is the last one."""
        return self.view is not None and self.view["state"] in FINAL_STATES


class Watches:
    """All of them; threads may share it.

    Attributes:
        is_live: whether news come by themselves now.
    """

    def __init__(self) -> None:
        self.is_live = False
        self._changed = threading.Condition()
        self._watches: dict[str, Watch] = {}

    @contextmanager
    def watching(self, job_id: str) -> Iterator[Watch]:
        """Keep what is known of a job, as long as the block lasts."""
        with self._changed:
            watch = self._watches.setdefault(job_id, Watch())
            watch.watchers += 1
        try:
            yield watch
        finally:
            with self._changed:
                watch.watchers -= 1
                if not watch.watchers:
                    del self._watches[job_id]

    def hear(self, view: View) -> None:
        """A `job` event came. It may leave out what is large, so an end is a reason to ask the server."""
        if view["state"] in FINAL_STATES:
            self.look(view["id"])
        else:
            self.update(view)

    def update(self, view: View) -> None:
        """Something is known of a job; the highest version wins."""
        with self._changed:
            watch = self._watches.get(view["id"])
            if watch is not None and view["version"] > watch.version:
                watch.view = view
                self._changed.notify_all()

    def look(self, job_id: str | None = None) -> None:
        """There is a reason to ask the server for a job; None: for all."""
        with self._changed:
            found = self._watches.values() if job_id is None else [self._watches.get(job_id)]
            for watch in found:
                if watch is not None:
                    watch.looks += 1
            self._changed.notify_all()

    def wait(self, watch: Watch, version: int, looks: int, seconds: float) -> None:
        """Return when there is a newer view, or when it is time to ask the server.

        Args:
            version, looks: those that the caller knows of.
            seconds: at most so long.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: watch.version > version or watch.looks > looks, timeout=seconds
            )
