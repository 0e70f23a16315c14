"""How a server stops: told by a signal, read by all that has to come to an end.

While it drains it is not ready, takes no new sockets, and goes on answering requests.
"""

import random
import time
from collections.abc import Callable
from typing import cast

from flask import Flask

from app.errors import ServerStopping
from app.observability import get_logger
from app.operations.readiness import Unfit

log = get_logger(__name__)

EXTENSION = "ringback-draining"
# Two signals of one stop, to a process and to its group, are not further apart.
AT_ONCE_SECONDS = 1.0
# Part of the time in which clients are told, and how long each of them takes up of it.
CLIENTS_SHARE = 0.4
CLIENT_SECONDS = 0.02
# A server that starts again is back in no less.
RETRY_SECONDS = 1.0


class Draining:
    """The stop of one app's server.

    Args:
        grace_seconds: how long it may take, from the first signal on.
    """

    def __init__(self, grace_seconds: float) -> None:
        self._grace = grace_seconds
        self._told_at: list[float] = []
        self._leaving: list[Callable[[], None]] = []

    def tell(self) -> None:
        """Stop; a second time: at once. May be called by a signal handler, so it does no more."""
        self._told_at.append(time.monotonic())

    @property
    def begun(self) -> bool:
        """Whether it was told to stop."""
        return bool(self._told_at)

    @property
    def seconds_left(self) -> float:
        """How much of the grace time is left; 0 after a second signal."""
        if not self._told_at:
            return self._grace
        first, last = self._told_at[0], self._told_at[-1]
        if last > first + AT_ONCE_SECONDS:
            return 0.0
        return max(0.0, first + self._grace - time.monotonic())

    def spread(self, clients: int) -> float:
        """Over how many seconds so many clients are told to go."""
        return min(clients * CLIENT_SECONDS, self.seconds_left * CLIENTS_SHARE)

    def notice(self, spread: float = 1.0) -> ServerStopping:
        """What a client is told.

        Args:
            spread: over so many seconds they are to come back.
        """
        return ServerStopping(round(RETRY_SECONDS + random.uniform(0, spread), 2))

    def add(self, leave: Callable[[], None]) -> None:
        """Have `leave` called before the server stops to listen; it looks at `seconds_left`."""
        self._leaving.append(leave)

    def leave(self) -> None:
        """Bring to an end what goes on beside requests."""
        log.info("server stops", seconds=self.seconds_left)
        for leave in self._leaving:
            leave()

    def left(self, requests: int) -> None:
        """The end: so many requests are cut off."""
        if requests:
            log.warning("requests cut off", count=requests)
        log.info("server stopped")

    def check(self) -> str:
        """See `app.operations.readiness.Readiness.add`."""
        if self.begun:
            raise Unfit("stopping")
        return ""


def draining(app: Flask) -> Draining:
    """The stop of an app's server."""
    return cast(Draining, app.extensions[EXTENSION])
