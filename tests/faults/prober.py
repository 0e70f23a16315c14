"""Somebody who uses the REST API while a crowd does something else to the server."""

import time

import requests

from tests.support.api import Api
from tests.support.repeated import Repeated

PAUSE_SECONDS = 0.1


class Prober(Repeated):
    """Asks for a user's jobs again and again, for as long as its `with` block lasts.

    Attributes:
        seconds: how long each answer took.
        statuses: of the answers; 0 for a lost connection.
    """

    def __init__(self, user: Api) -> None:
        self.seconds: list[float] = []
        self.statuses: set[int] = set()
        self._user = user
        super().__init__(self._ask, pause=PAUSE_SECONDS)

    def _ask(self) -> None:
        begun = time.monotonic()
        try:
            self.statuses.add(self._user.call("GET", "/v1/jobs").status_code)
        except requests.RequestException:
            self.statuses.add(0)
        self.seconds.append(time.monotonic() - begun)
