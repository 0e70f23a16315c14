"""The official JavaScript Socket.IO client, in a Node process of its own."""

import json
import subprocess
import threading
from types import TracebackType
from typing import Any

from tests.support.node import NODE_SCRIPTS, node
from tests.support.waiting import wait_for


class JsListener:
    """One connection; `events` are `(name, payload)` as they arrived."""

    def __init__(self, url: str, transports: list[str] | None = None, **auth: Any) -> None:
        self.events: list[tuple[str, Any]] = []
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

    def named(self, name: str) -> list[Any]:
        return [payload for event, payload in list(self.events) if event == name]

    @property
    def numbers(self) -> list[int]:
        return [payload["seq"] for payload in self.named("notification")]

    def wait_for(self, name: str, count: int = 1, seconds: float = 30.0) -> list[Any]:
        def arrived() -> list[Any] | None:
            found = self.named(name)
            return found if len(found) >= count else None

        found = wait_for(arrived, f"{count} × {name}; got {self.events[-5:]}", seconds)
        assert found is not None
        return found

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            event, payload = json.loads(line)
            self.events.append((event, payload))
