"""The README's shell blocks that need Docker, as they stand, in a fresh copy."""

import os
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.compose.conftest import Composed
from tests.compose.engine import engine_command
from tests.docs.pages import docker_blocks
from tests.support.api import Api
from tests.support.fresh_copy import make_fresh_copy
from tests.support.stack import USER

BLOCK_SECONDS = 300.0


@pytest.fixture
def folder(composed: Composed, tmp_path: Path) -> Iterator[Path]:
    """A fresh copy that takes the place of the shared set-up (one port, one set of containers)."""
    yield make_fresh_copy(tmp_path / "ringback")
    composed.up()


@pytest.fixture
def environment(composed: Composed, tmp_path: Path) -> dict[str, str]:
    """With a `docker` on the path, wherever the engine comes from; it does not find itself there."""
    programs = tmp_path / "bin"
    programs.mkdir()
    docker = programs / "docker"
    path = os.environ["PATH"]
    docker.write_text(f'#!/bin/sh\nPATH={shlex.quote(path)} exec {engine_command()} "$@"\n')
    docker.chmod(0o755)
    return composed.environment | {"PATH": f"{programs}{os.pathsep}{path}"}


@pytest.mark.timeout(900)
def test_the_docker_blocks_of_the_readme_work_in_a_fresh_copy(
    composed: Composed, folder: Path, environment: dict[str, str]
) -> None:
    up, scale, down = docker_blocks()

    def run(block: str) -> None:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=BLOCK_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    run(up)
    assert requests.get(f"{composed.url}/test.html", timeout=10).ok
    user = Api(composed.url, *USER)
    assert user.run("add", a=1, b=2)["result"] == {"sum": 3}
    run(scale)
    assert (len(composed.of("api")), len(composed.of("worker"))) == (2, 3)
    run(down)
    assert composed.containers() == []
    run(up)
    jobs = Api(composed.url, *USER).ok("GET", "/v1/jobs")["items"]
    assert jobs, "the data was not kept"
