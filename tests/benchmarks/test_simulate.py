"""The simulator, as its reader starts it, against real servers: its figures, and what it must not overlook."""

import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib.image
import numpy as np
import pytest
from rich.console import Console

from app.standalone.servers import Servers
from benchmarks.simulate import parse
from benchmarks.simulation.display import Display
from benchmarks.simulation.ledger import Ledger, Record
from tests.support.database import query
from tests.support.stack import Stack
from tests.support.waiting import wait_for

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 150

JOBS = """
SELECT jobs.type, jobs.state, count(*) FROM jobs JOIN users ON users.id = jobs.user_id
WHERE users.email LIKE %s GROUP BY 1, 2
"""
DELIVERED = """
SELECT users.email, users.active, inboxes.head_seq,
    (SELECT max(to_seq) FROM acknowledgements WHERE user_id = users.id)
FROM users JOIN inboxes ON inboxes.user_id = users.id WHERE users.email LIKE %s
"""
# A fault of a server: each end is told under two numbers.
REPEAT = """
DROP INDEX uq_notifications_final_job;
CREATE FUNCTION repeat_it() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE number bigint;
BEGIN
    UPDATE inboxes SET head_seq = head_seq + 1 WHERE user_id = NEW.user_id
        RETURNING head_seq INTO number;
    INSERT INTO notifications (user_id, seq, id, type, title, body, data, job_id, final, expires_at)
        VALUES (NEW.user_id, number, gen_random_uuid(), NEW.type, NEW.title, NEW.body, NEW.data,
            NEW.job_id, NEW.final, NEW.expires_at);
    RETURN NULL;
END $$;
CREATE TRIGGER repeat_it AFTER INSERT ON notifications FOR EACH ROW
    WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION repeat_it();
"""
MEND = "DROP TRIGGER repeat_it ON notifications; DROP FUNCTION repeat_it"
# Some rings fall due within this time, and none by itself.
NEVER = "3600"
FAULTY = ("--users", "1", "--seconds", "2", "--think", "0.2", "--mix", "add", "--drain", "2")


def command(url: str, folder: Path, *options: str) -> list[str]:
    files = ["--chart", str(folder / "run.png"), "--json", str(folder / "run.json")]
    return [sys.executable, str(ROOT / "benchmarks/simulate.py"), "--url", url, *files, *options]


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("RINGBACK_")}


def simulate(url: str, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(url, folder, *options),
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def figures_of(folder: Path) -> dict[str, Any]:
    figures: dict[str, Any] = json.loads((folder / "run.json").read_text())
    return figures


@pytest.fixture(scope="module")
def forgetful_stack(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A server that never looks for what it has not rung."""
    folder = tmp_path_factory.mktemp("forgetful-stack")
    stack = Stack.start(servers, folder, RINGBACK_RECONCILE_SECONDS=NEVER)
    yield stack
    stack.stop()


def test_simulated_users_are_served_and_the_figures_are_those_of_the_database(
    stack: Stack, tmp_path: Path
) -> None:
    mix = "add=4,wait=1,excel_small=2,no_such_type=1"
    options = ("--users", "3", "--seconds", "5", "--think", "0.3", "--mix", mix)
    done = simulate(stack.url, tmp_path, *options)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "the server does not offer it: no_such_type" in done.stdout
    assert " jobs have ended and were told, once; 0 are open." in done.stdout

    found = figures_of(tmp_path)
    users = f"simulated-{found['run']}-%"
    stored = {row[:2]: row[2] for row in query(stack.database_url, JOBS, users)}
    types = {"add": "add", "wait": "wait", "excel_small": "excel_test"}
    told = {(types[kind], "succeeded"): each["succeeded"] for kind, each in found["kinds"].items()}
    assert told == stored
    assert sum(stored.values()) > 5
    assert (found["findings"], found["errors"]) == ([], {})
    for kind, each in found["kinds"].items():
        assert each["accepted"] == each["succeeded"] == each["rings"]
        check_seconds(each["seconds"], has_file=kind == "excel_small")
    for email, active, head, acknowledged in query(stack.database_url, DELIVERED, users):
        assert (active, acknowledged) == (False, head), email
    check_picture(tmp_path / "run.png")


def check_seconds(stages: dict[str, dict[str, float] | None], *, has_file: bool) -> None:
    assert (stages["download"] is not None) == has_file
    for values in filter(None, stages.values()):
        assert 0 < values["median"] <= values["p95"] <= values["max"] < SECONDS


def check_picture(path: Path) -> None:
    """A PNG of some size that is not all of one colour."""
    picture = matplotlib.image.imread(path)
    assert picture.shape[0] > 300
    assert picture.shape[1] > 1000
    assert len(np.unique(picture[:, :, :3].reshape(-1, 3), axis=0)) > 10


def test_a_server_that_loses_rings_is_found_out(forgetful_stack: Stack, tmp_path: Path) -> None:
    """Its worker rings on another channel, so it hears nothing."""
    forgetful_stack.worker.stop()
    elsewhere = forgetful_stack.add("worker", RINGBACK_CHANNEL="elsewhere")
    try:
        forgetful_stack.new_user().run("add", a=1, b=1)  # the worker is there
        done = simulate(forgetful_stack.url, tmp_path, *FAULTY)
    finally:
        elsewhere.stop()
        forgetful_stack.worker.start()
    added, findings = check_faulty(done, tmp_path)
    assert added["succeeded"] > 0
    assert added["rings"] == 0
    assert len(findings) == added["succeeded"]
    assert all(each.startswith("lost ring: the end of job ") for each in findings)


def test_a_server_that_tells_an_end_twice_is_found_out(
    forgetful_stack: Stack, tmp_path: Path
) -> None:
    forgetful_stack.new_user().run("add", a=1, b=1)  # the worker is there
    query(forgetful_stack.database_url, REPEAT)
    try:
        done = simulate(forgetful_stack.url, tmp_path, *FAULTY)
    finally:
        query(forgetful_stack.database_url, MEND)
    added, findings = check_faulty(done, tmp_path)
    twice = [each for each in findings if each.startswith("duplicate ring: the end of job ")]
    assert len(twice) == added["rings"] - added["succeeded"] > 0


def test_a_picture_that_cannot_be_written_loses_no_verdict(stack: Stack, tmp_path: Path) -> None:
    picture = tmp_path / "nowhere" / "run.png"
    options = (*FAULTY, "--drain", "60", "--chart", str(picture))
    done = simulate(stack.url, tmp_path, *options)
    assert (done.returncode, done.stderr) == (2, ""), done.stdout
    assert f"Could not be written: {picture} (No such file or directory)" in done.stdout
    assert " jobs have ended and were told, once; 0 are open." in done.stdout
    assert figures_of(tmp_path)["kinds"]["add"]["succeeded"] > 0


def check_faulty(
    done: subprocess.CompletedProcess[str], folder: Path
) -> tuple[dict[str, Any], list[str]]:
    """The figures of the jobs, and the findings, of a run that must not count as a good one."""
    assert done.returncode == 1, done.stdout + done.stderr
    assert "were told, once" not in done.stdout
    found = figures_of(folder)
    assert all(each in done.stdout for each in found["findings"])
    return found["kinds"]["add"], found["findings"]


def test_ctrl_c_ends_a_simulation_with_the_summary_of_what_there_is(
    stack: Stack, tmp_path: Path
) -> None:
    before = count_jobs(stack)
    options = ("--users", "2", "--seconds", "600", "--think", "0.2", "--mix", "add,wait")
    with (tmp_path / "output").open("w") as output:
        process = subprocess.Popen(
            command(stack.url, tmp_path, *options), stdout=output, env=environment()
        )
    try:
        wait_for(lambda: count_jobs(stack) > before + 3, "the first jobs", 60)
        process.send_signal(signal.SIGINT)
        status = process.wait(SECONDS)
    finally:
        process.kill()
        process.wait()
    shown = (tmp_path / "output").read_text()
    assert status == 130, shown
    assert sum(each["accepted"] for each in figures_of(tmp_path)["kinds"].values()) > 3
    assert "median / p95 / max" in shown


def count_jobs(stack: Stack) -> int:
    """Of all simulated users."""
    return sum(row[2] for row in query(stack.database_url, JOBS, "simulated-%"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--url", "https://ringback.example.com"], "--allow-remote"),
        (["--url", "http://127.0.0.1.example.com"], "--allow-remote"),
        (["--users", "101"], "not from 1 to 100"),
        (["--seconds", "3601"], "not from 1 to 3600"),
        (["--drain", "nan"], "not from 0 to 600"),
        (["--mix", "add=0"], "above 0"),
        (["--mix", ""], "names nothing"),
    ],
)
def test_another_machine_and_what_is_out_of_bounds_are_refused(
    options: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(options)
    assert ended.value.code == 2
    assert words in capsys.readouterr().err


def test_a_mix_of_which_the_server_offers_nothing_is_refused(stack: Stack, tmp_path: Path) -> None:
    done = simulate(stack.url, tmp_path, "--mix", "no_such_type")
    assert done.returncode == 2
    assert "Nothing is left of the mix" in done.stdout


def test_a_simulation_in_which_nothing_could_be_tried_is_no_success(tmp_path: Path) -> None:
    done = simulate("http://localhost:1", tmp_path, "--users", "1", "--seconds", "1")
    assert done.returncode == 1
    assert "cannot sign in" in done.stdout


def test_a_terminal_shows_a_table_of_what_each_kind_has_come_to() -> None:
    ledger, screen = Ledger(), io.StringIO()
    for job_id in ("first", "second"):
        ledger.accepted(job_id, Record("excel_small", "user@test.com", submit=0.1))
    ledger.rung("second", 0.2)
    ledger.downloaded("second", 0.3)
    terminal = Console(
        file=screen, force_terminal=True, no_color=True, width=90, _environ={"TERM": "xterm"}
    )
    with Display(terminal, ledger) as display:
        display.show("Running", "2 of 3 users")
    assert "Running: 2 of 3 users" in screen.getvalue()
    assert re.search(r"excel_small +2 +1 +1 ", screen.getvalue())
    assert "2 accepted, 1 rung, 0 errors" in screen.getvalue()
