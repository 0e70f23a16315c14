"""Whether this server hears what is sent through Redis: it calls its own name and listens."""

import threading
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from app.delivery import events
from app.delivery.publisher import Publisher
from app.operations.readiness import LIMIT_SECONDS, Unfit


class Echo:
    """One call at a time.

    Args:
        publisher: calls.
        subscribe: waits for so many seconds until the server is subscribed; False if it is not.
    """

    def __init__(self, publisher: Publisher, subscribe: Callable[[float], bool]) -> None:
        self._publisher, self._subscribe = publisher, subscribe
        self._name = uuid4()
        self._call = ""
        self._heard = threading.Event()

    def check(self) -> str:
        """See `app.operations.readiness.Readiness.add`."""
        if not self._subscribe(LIMIT_SECONDS / 2):
            raise Unfit("not subscribed to Redis")
        self._heard.clear()
        self._call = uuid4().hex
        self._publisher.to_user(self._name, events.ECHO, {"call": self._call})
        if not self._heard.wait(LIMIT_SECONDS / 2):
            raise Unfit("what is sent through Redis does not arrive")
        return ""

    def hear(self, payload: Any) -> None:
        """A call came in: of this server, or of another one."""
        if isinstance(payload, dict) and payload.get("call") == self._call:
            self._heard.set()
