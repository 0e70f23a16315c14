"""Runs scripts with the parts of the browser's module in scope: no server, no browser."""

import json
import subprocess
from typing import Any

from tests.support.node import NODE_SCRIPTS, node


def run(script: str) -> Any:
    """What a script returns that has the module's parts in scope."""
    command = [node(), str(NODE_SCRIPTS / "parts.mjs"), script]
    ended = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)
