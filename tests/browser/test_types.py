"""`ringback.d.ts` says what `ringback.js` is, and can be used as the samples do."""

import json
import subprocess
from typing import Any

import pytest

from tests.support.node import NODE_SCRIPTS, node

ROOT = NODE_SCRIPTS.parents[2]
TSC = ROOT / "node_modules/typescript/bin/tsc"
STRICT = [
    "--noEmit",
    "--strict",
    "--target",
    "es2022",
    "--module",
    "nodenext",
    "--lib",
    "es2023,dom",
]


def run_node(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [node(), *arguments]
    return subprocess.run(
        command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=120
    )


def test_a_use_of_the_client_passes_the_strict_type_checker() -> None:
    checked = run_node(str(TSC), *STRICT, str(NODE_SCRIPTS / "sample.ts"))
    assert checked.returncode == 0, checked.stdout


@pytest.fixture(scope="module")
def members() -> Any:
    printed = run_node(str(NODE_SCRIPTS / "members.mjs"))
    assert printed.returncode == 0, printed.stderr
    return json.loads(printed.stdout)


def test_every_public_member_is_declared_and_nothing_else(members: Any) -> None:
    assert "markRead" in members["js"]["Ringback"]
    assert members["types"] == members["js"]


def test_an_instance_has_no_public_fields_beside_its_members() -> None:
    """What is not declared is private to the module."""
    script = (
        "import { Ringback } from './app/web/static/ringback.js';"
        "console.log(Object.keys(new Ringback({ url: 'http://localhost:9' })).length)"
    )
    printed = run_node("--input-type=module", "-e", script)
    assert (printed.stdout.strip(), printed.stderr) == ("0", "")
