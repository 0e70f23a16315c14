"""The official JavaScript Socket.IO client, in a Node process of its own."""

import json
import subprocess
import threading
from types import TracebackType
from typing import Any

from tests.support.node import NODE_SCRIPTS, node
from tests.support.record import Record


class JsListener(Record):
    """One connection; `events` are `(name, payload)` as they arrived."""

    def __init__(self, url: str, transports: list[str] | None = None, **auth: Any) -> None:
        super().__init__()
        self._process = subprocess.Popen(
            [
                node(),
                str(NODE_SCRIPTS / "listen.mjs"),
                url,
                json.dumps(auth),
                json.dumps(transports or ["websocket"]),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> "JsListener":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._reader.join()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()

    def emit(self, event: str, payload: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([event, payload]) + "\n")
        self._process.stdin.flush()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            event, payload = json.loads(line)
            self.events.append((event, payload))
