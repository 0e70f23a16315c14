"""The commands of the page, run as they stand: what was backed up is there again."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.standalone.postgres import BINARIES
from app.standalone.servers import Servers
from tests.docs.pages import ROOT, blocks
from tests.support.api import Api
from tests.support.database import query
from tests.support.socket import Listener
from tests.support.stack import Stack
from tests.support.waiting import wait_for

PAGE = "docs/operations.md"
SESSIONS = """
SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND application_name LIKE 'ringback-%%'
"""


@pytest.fixture
def backed_up(own_servers: Servers, tmp_path: Path) -> Iterator[Stack]:
    """An application on the database that the page names; its folder ends in a slash, as some write."""
    folder = tmp_path / "stack"
    folder.mkdir()
    changed = {
        "RINGBACK_DATABASE_URL": own_servers.postgres.url,
        "RINGBACK_ARTIFACT_DIR": f"{folder}/artifacts/",
    }
    stack = Stack.start(own_servers, folder, **changed)
    yield stack
    stack.stop()


def run(stack: Stack, script: str, folder: Path) -> None:
    server = stack.database_url.replace("+psycopg2", "").removesuffix("/ringback")
    environment = os.environ | stack.environment
    environment |= {"SERVER": server, "DATABASE": f"{server}/ringback"}
    environment["PATH"] = f"{BINARIES}:{os.environ['PATH']}"
    environment["PYTHONPATH"] = str(ROOT)
    script = script.replace("python -m", f"{ROOT}/.venv/bin/python -m")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def stop(stack: Stack) -> None:
    """As the page says; on a busy machine Postgres needs a moment to notice that they are gone."""
    for process in (stack.server.process, stack.worker, stack.beat):
        process.stop()
    wait_for(lambda: not query(stack.database_url, SESSIONS), "the end of all sessions")


def start(stack: Stack) -> None:
    stack.worker.start()
    stack.beat.start()
    stack.server.start()


def test_a_backup_brings_back_jobs_files_and_inboxes(backed_up: Stack, tmp_path: Path) -> None:
    back_up, restore = (each for each in blocks(PAGE, "sh") if "ringback.dump" in each)
    user = backed_up.new_user()
    kept = user.run("excel_test", rows=10)
    file = user.call("GET", f"/v1/jobs/{kept['id']}/result").content
    upload = user.ok("POST", "/v1/uploads", files={"file": ("a.csv", b"a,b\n")})["id"]
    run(backed_up, back_up, tmp_path)
    later = [user.run("add", a=1, b=number)["id"] for number in range(2)]
    assert user.head() == 3
    artifacts = Path(backed_up.environment["RINGBACK_ARTIFACT_DIR"])
    stop(backed_up)
    artifacts.rename(artifacts.with_name("lost"))
    uploads = artifacts.with_name("artifacts-uploads")
    uploads.rename(artifacts.with_name("lost-uploads"))
    run(backed_up, restore, tmp_path)
    start(backed_up)

    again = Api(backed_up.url, user.email, "a long password")
    assert again.call("GET", f"/v1/jobs/{kept['id']}/result").content == file
    assert [again.call("GET", f"/v1/jobs/{job_id}").status_code for job_id in later] == [404, 404]
    with Listener(backed_up.url).connect(again.token, after=3) as listener:
        assert listener.wait_for("ready")[0]["head"] == 1
        again.run("add", a=1, b=1)
        listener.wait_for("notification")
        assert listener.numbers == [2]
    assert again.run("extract_text", upload_id=upload)["state"] == "succeeded"


def test_a_job_that_was_unfinished_at_the_backup_runs_again(
    backed_up: Stack, tmp_path: Path
) -> None:
    back_up, restore = (each for each in blocks(PAGE, "sh") if "ringback.dump" in each)
    user = backed_up.new_user()
    user.run("excel_test", rows=1)  # makes the folder of the files
    job_id = user.submit("wait", seconds=3)["id"]
    wait_for(lambda: user.job(job_id)["state"] == "running", "the claim")
    run(backed_up, back_up, tmp_path)
    assert user.end_of(job_id)["attempt"] == 1
    stop(backed_up)
    run(backed_up, restore, tmp_path)
    start(backed_up)
    again = Api(backed_up.url, user.email, "a long password")
    ended = again.end_of(job_id, 90)
    assert (ended["state"], ended["attempt"]) == ("succeeded", 2)
