"""Newman, Postman's own runner, for the collection of the project."""

import json
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.node import node

ROOT = Path(__file__).resolve().parents[2]
COLLECTION = ROOT / "postman_collection.json"
NEWMAN = ROOT / "node_modules/newman/bin/newman.js"


@dataclass(frozen=True)
class NewmanReport:
    """What a run did.

    Attributes:
        status: newman's exit status; 0 when every assertion held.
        output: what newman printed, for a failing test to show.
        executed: the names of the requests, in the order in which they were sent.
        assertions: how many were checked.
        failures: `request: what was wrong` of each failed assertion, script or request.
        executions: newman's own record of each request, answer included.
    """

    status: int
    output: str
    executed: list[str]
    assertions: int
    failures: list[str]
    executions: list[dict[str, Any]]


def run_collection(
    base_url: str, collection: Path = COLLECTION, *, seconds: float = 300, **variables: str
) -> NewmanReport:
    """Run all requests of the collection in order, against a running server.

    Args:
        base_url: address of the server, without a slash at the end.
        seconds: after this time the run is ended, and the test fails.
        variables: take the place of the collection's own, such as `password="wrong"`.
    """
    with tempfile.TemporaryDirectory(prefix="ringback-test-") as folder:
        export = Path(folder) / "report.json"
        changed = {"base_url": base_url, **variables}
        done = subprocess.run(
            [
                *(node(), str(NEWMAN), "run", str(collection), "--color", "off"),
                *("--reporters", "cli,json", "--reporter-json-export", str(export)),
                *(part for name, value in changed.items() for part in _variable(name, value)),
            ],
            env=newman_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
            check=False,
        )
        assert export.exists(), done.stdout
        return _report(done.returncode, done.stdout, json.loads(export.read_text())["run"])


def newman_environment() -> dict[str, str]:
    """Our own, with Node on the path, and without the machine's proxies.

    Newman would send even loopback addresses through them.
    """
    ours = {key: value for key, value in os.environ.items() if "proxy" not in key.lower()}
    return ours | {"PATH": f"{Path(node()).parent}{os.pathsep}{ours.get('PATH', os.defpath)}"}


def _report(status: int, output: str, run: dict[str, Any]) -> NewmanReport:
    return NewmanReport(
        status=status,
        output=output,
        executed=[each["item"]["name"] for each in run["executions"]],
        assertions=run["stats"]["assertions"]["total"],
        failures=[
            f"{each['source']['name']}: {each['error']['message']}" for each in run["failures"]
        ],
        executions=run["executions"],
    )


def _variable(name: str, value: str) -> tuple[str, str]:
    return "--env-var", f"{name}={value}"  # an environment wins over the collection
