"""The official JavaScript Socket.IO client, in a Node process of its own."""

import json
from typing import Any

from tests.support.node import NodeProcess
from tests.support.record import Record


class JsListener(NodeProcess, Record):
    """One connection; `events` are `(name, payload)` as they arrived."""

    def __init__(self, url: str, transports: list[str] | None = None, **auth: Any) -> None:
        Record.__init__(self)
        ways = json.dumps(transports or ["websocket"])
        NodeProcess.__init__(self, "listen.mjs", url, json.dumps(auth), ways)

    def emit(self, event: str, payload: Any) -> None:
        self.send([event, payload])

    def take(self, line: Any) -> None:
        event, payload = line
        self.events.append((event, payload))
