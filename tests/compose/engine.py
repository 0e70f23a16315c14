"""Docker Compose, as a command."""

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.waiting import wait_for

ROOT = Path(__file__).resolve().parents[2]
QUICK = Path(__file__).with_name("quick.yml")
SERVICES = {"db", "redis", "migrate", "api", "worker", "beat", "proxy"}
LONG_RUNNING = sorted(SERVICES - {"migrate"})
HEALTHY_SECONDS = 180.0
DEFAULT = "docker compose"


@dataclass(frozen=True)
class Container:
    """What the engine says of one container.

    Attributes:
        facts: all of `docker inspect`.
    """

    name: str
    service: str
    facts: dict[str, Any]

    @property
    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = self.facts["State"]
        return state

    @property
    def host(self) -> dict[str, Any]:
        host: dict[str, Any] = self.facts["HostConfig"]
        return host

    @property
    def is_healthy(self) -> bool:
        return bool(self.state["Running"] and self.state["Health"]["Status"] == "healthy")

    @property
    def networks(self) -> dict[str, dict[str, Any]]:
        """What it is connected to; the project's name in front is left out."""
        networks: dict[str, dict[str, Any]] = self.facts["NetworkSettings"]["Networks"]
        return {name.rpartition("_")[2]: each for name, each in networks.items()}

    @property
    def published(self) -> set[str]:
        """`address:port` of this machine."""
        bindings = (self.host["PortBindings"] or {}).values()
        return {f"{each['HostIp']}:{each['HostPort']}" for found in bindings for each in found}


class Compose:
    """One project of Docker Compose.

    Args:
        project: its name; containers, networks and volumes of others are not touched.
        folder: holds docker-compose.yml.
        overlays: further files, laid over it in this order.
        environment: variables for Compose; those of ours that it or the application reads are
            left out, so that a developer's own change nothing.
    """

    def __init__(
        self,
        project: str,
        folder: Path = ROOT,
        overlays: tuple[str, ...] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.project, self.folder = project, folder
        files = (*overlays, str(QUICK))
        self._command = [*_command(), *(part for each in files for part in ("-f", each))]
        ours = ("RINGBACK_", "COMPOSE")
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
        self.environment = inherited | {"COMPOSE_PROJECT_NAME": project} | dict(environment or {})

    def try_to(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a command of Compose; whether it went well is the caller's business."""
        return subprocess.run(
            [*self._command, *arguments],
            cwd=self.folder,
            env=self.environment,
            text=True,
            check=False,
            **{"capture_output": True, "timeout": 600, **options},
        )

    def run(self, *arguments: str, **options: Any) -> str:
        """Run a command that must go well; returns what it printed."""
        done = self.try_to(*arguments, **options)
        assert done.returncode == 0, f"compose {shlex.join(arguments)}: {done.stderr[-3000:]}"
        return str(done.stdout)

    def up(self, *arguments: str) -> None:
        """Start what is not running, and wait until all is healthy."""
        done = self.try_to("up", "-d", "--wait", *arguments)
        if done.returncode:
            state = self.try_to("ps", "--all").stdout + self.try_to("logs", "--tail", "30").stdout
            raise AssertionError(f"not up: {done.stderr[-3000:]}\n{state}")

    def down(self) -> None:
        """Remove everything, data included."""
        self.run("down", "--volumes", "--remove-orphans")

    def execute(self, service: str, *command: str, index: int = 1, **options: Any) -> str:
        """Run a command inside a container."""
        return self.run("exec", "-T", "--index", str(index), service, *command, **options)

    def containers(self) -> list[Container]:
        """All of the project, also those that have ended."""
        names = [json.loads(line) for line in self.run(*_LIST).splitlines()]
        if not names:
            return []
        facts = json.loads(_docker(self.environment, "inspect", *(each["Name"] for each in names)))
        return [
            Container(each["Name"], each["Service"], fact)
            for each, fact in zip(names, facts, strict=True)
        ]

    def of(self, service: str) -> list[Container]:
        return [each for each in self.containers() if each.service == service]

    def wait_until_healthy(self) -> None:
        """Wait until each container but the one-shot is healthy."""

        def sick() -> list[str]:
            found = [each for each in self.containers() if each.service != "migrate"]
            return [each.name for each in found if not each.is_healthy]

        wait_for(lambda: not sick(), "everything to be healthy", HEALTHY_SECONDS)

    def logs(self, service: str) -> list[dict[str, Any]]:
        """The log lines of a service that are JSON."""
        lines = self.run("logs", "--no-log-prefix", "--no-color", service).splitlines()
        # Compose may put a control sequence before a line, whatever it is told.
        return [json.loads(line[line.index("{") :]) for line in lines if line.endswith("}")]


_LIST = ("ps", "--all", "--format", "json")


def _command() -> list[str]:
    """The command in COMPOSE; a path in it counts from the top folder."""
    first, *rest = shlex.split(os.environ.get("COMPOSE", DEFAULT))
    if first == "docker":  # other tools name the file themselves
        return [first, *rest, "-f", "docker-compose.yml"]
    return [str((ROOT / first).resolve()) if "/" in first else first, *rest]


def engine_command() -> str:
    """The engine's own command, by the same way as Compose: `docker`, or `TOOL docker`."""
    program = shutil.which(_command()[0])
    assert program, "There is no such command: set COMPOSE."
    return program if Path(program).name == "docker" else f"{program} docker"


def _docker(environment: Mapping[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [*shlex.split(engine_command()), *arguments],
        env=dict(environment),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout
