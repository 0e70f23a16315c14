"""The commands of docs/docker.md, as they stand there."""

import os
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.compose.conftest import Composed
from tests.compose.engine import DEFAULT, ROOT
from tests.compose.test_restarts import digest_of_result, finished_report
from tests.docs.pages import blocks
from tests.support.api import Api


def run(composed: Composed, script: str) -> None:
    """A block of the page; `docker compose` is the command that the tests were given."""
    command = os.environ.get("COMPOSE", DEFAULT)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script.replace("docker compose", command)],
        cwd=ROOT,
        env=composed.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.fixture
def backup(tmp_path: Path) -> list[str]:
    """The two blocks, with a folder of the test's own."""
    found = [each for each in blocks("docs/docker.md", "sh") if "var/backup" in each]
    assert len(found) == 2
    return [each.replace("var/backup", shlex.quote(str(tmp_path))) for each in found]


def test_a_backup_brings_everything_back_into_an_empty_set_up(
    composed: Composed, user: Api, backup: list[str]
) -> None:
    back_up, restore = backup
    job, digest = finished_report(user)
    upload = user.call("POST", "/v1/uploads", files={"file": ("a.csv", b"a,b\n")}).json()
    run(composed, back_up)
    composed.down()
    run(composed, restore)

    again = Api(composed.url, str(user.email), user.password)  # the secret was not kept
    assert again.job(job["id"]) == job
    assert digest_of_result(again, job["id"]) == digest
    assert again.head() == 1
    reading = again.submit("extract_text", upload_id=upload["id"])
    assert again.end_of(reading["id"])["state"] == "succeeded"
    composed.admin = None  # its token died with the old secret
