"""Somebody who uses the REST API while a crowd does something else to the server."""

import threading
import time
from types import TracebackType
from typing import Self

import requests

from tests.support.api import Api

PAUSE_SECONDS = 0.1


class Prober:
    """Asks for a user's jobs again and again, for as long as its `with` block lasts.

    Attributes:
        seconds: how long each answer took.
        statuses: of the answers; 0 for a lost connection.
    """

    def __init__(self, user: Api) -> None:
        self.seconds: list[float] = []
        self.statuses: set[int] = set()
        self._user = user
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.is_set():
            begun = time.monotonic()
            try:
                self.statuses.add(self._user.call("GET", "/v1/jobs").status_code)
            except requests.RequestException:
                self.statuses.add(0)
            self.seconds.append(time.monotonic() - begun)
            self._stopping.wait(PAUSE_SECONDS)
