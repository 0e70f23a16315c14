"""`make run`: one command, everything runs; whatever ends it, nothing is left but the data."""

import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
import requests

from app.standalone.folder import StandaloneError
from app.standalone.ports import free_port
from app.standalone.reset import reset
from tests.standalone.run import Run, are_gone
from tests.standalone.support import ROOT, until

READY = "Ringback runs at"
ADD: dict[str, object] = {"type": "add", "params": {"a": 1, "b": 2}}
StartRun = Callable[..., Run]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """One for all tests that do not end it."""
    folder = tmp_path_factory.mktemp("running")
    run = Run(folder / "data", free_port(), folder / "log")
    run.wait_until_it_says(READY)
    yield run
    run.close()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[StartRun]:
    """Starts one that the test may end; without a port it chooses a free one."""
    runs: list[Run] = []

    def begin(port: int | None = None) -> Run:
        log = tmp_path / f"log{len(runs)}"
        runs.append(Run(tmp_path / "data", port or free_port(), log))
        return runs[-1]

    yield begin
    for run in runs:
        run.close()


def sign_in(address: str) -> str:
    """An access token of a demo user."""
    person = {"email": "username@test.com", "password": "password2"}
    answer = requests.post(f"{address}/v1/login", json=person, timeout=10)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


def jobs(address: str) -> list[dict[str, object]]:
    """The demo user's jobs."""
    headers = {"Authorization": f"Bearer {sign_in(address)}"}
    answer = requests.get(f"{address}/v1/jobs", headers=headers, timeout=10)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["items"])


def submit(address: str, job: dict[str, object]) -> None:
    headers = {"Authorization": f"Bearer {sign_in(address)}"}
    answer = requests.post(f"{address}/v1/jobs", json=job, headers=headers, timeout=10)
    assert answer.status_code == 202, answer.text


def test_it_says_where_it_runs_how_to_sign_in_and_what_to_try(running: Run) -> None:
    output = running.output()
    assert f"http://localhost:{running.port}" in output
    assert "administrator@test.com / password1" in output
    assert "test.html in two tabs" in output


def test_server_worker_and_beat_work_together(running: Run) -> None:
    submit(running.address, ADD)
    until(lambda: jobs(running.address)[0]["state"] == "succeeded", seconds=30)


def test_it_runs_in_development_with_its_files_in_its_folder(running: Run) -> None:
    server = running.find("-m", "app", "serve")
    environment = server.environ()
    assert environment["RINGBACK_ENVIRONMENT"] == "development"
    assert environment["RINGBACK_ARTIFACT_DIR"] == str(running.folder / "artifacts")


def test_a_second_run_beside_the_first_is_refused(running: Run, tmp_path: Path) -> None:
    second = Run(running.folder, free_port(), tmp_path / "log")
    assert second.wait() == 1
    assert "Ringback is running here already" in second.output()
    assert requests.get(f"{running.address}/healthz", timeout=10).ok


def test_reset_is_refused_while_it_runs(running: Run) -> None:
    with pytest.raises(StandaloneError, match="running here already"):
        reset(running.folder)
    assert requests.get(f"{running.address}/healthz", timeout=10).ok


def test_a_taken_port_is_reported_with_its_holder_and_a_way_out(start: StartRun) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        run = start(port)
        assert run.wait() == 1
    assert f"Port {port} is taken by {psutil.Process().name()} (process" in run.output()
    assert f"make run PORT={port + 1}" in run.output()
    assert "Starting Postgres" not in run.output()


def test_a_wrong_setting_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGBACK_ENGINE", "steam")
    run = Run(tmp_path / "data", free_port(), tmp_path / "log")
    assert run.wait() == 1
    assert "RINGBACK_ENGINE" in run.output()


def test_damaged_data_is_reported(start: StartRun, tmp_path: Path) -> None:
    (tmp_path / "data/postgres/data").mkdir(parents=True)
    (tmp_path / "data").chmod(0o700)
    run = start()
    assert run.wait() == 1
    assert "`make reset` starts afresh" in run.output()
    assert "Traceback" not in run.output()


def test_sigterm_stops_it_cleanly_and_leaves_nothing(start: StartRun) -> None:
    run = start()
    run.wait_until_it_says(READY)
    everything = run.descendants()
    assert len(everything) > 8
    run.signal(signal.SIGTERM)
    assert run.wait() == 0
    assert are_gone(everything)
    assert "is killed" not in run.output()
    assert "Stopped. The data is kept" in run.output()


def test_control_c_stops_it_and_a_second_one_does_not_cut_that_short(start: StartRun) -> None:
    run = start()
    run.wait_until_it_says(READY)
    everything = run.descendants()
    submit(run.address, {"type": "wait", "params": {"seconds": 3000}})
    until(lambda: jobs(run.address)[0]["state"] == "running", seconds=30)
    run.press_control_c()
    run.wait_until_it_says("Stopping")
    run.press_control_c()
    assert run.wait() == 0
    assert are_gone(everything)
    assert "is killed" not in run.output()


def test_it_can_be_stopped_while_it_starts(start: StartRun) -> None:
    run = start()
    run.wait_until_it_says("Bringing the database")
    everything = run.descendants()
    run.press_control_c()
    assert run.wait() == 0
    assert are_gone(everything)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
def test_after_kill_9_everything_ends_and_the_next_start_has_the_data(start: StartRun) -> None:
    run = start()
    run.wait_until_it_says(READY)
    submit(run.address, ADD)
    everything = run.descendants()
    run.signal(signal.SIGKILL)
    run.wait()
    until(lambda: are_gone(everything), seconds=30)
    again = start()
    again.wait_until_it_says(READY)
    assert [job["type"] for job in jobs(again.address)] == ["add"]


def test_when_one_process_dies_the_rest_stops(start: StartRun) -> None:
    run = start()
    run.wait_until_it_says(READY)
    everything = run.descendants()
    run.find("celery", "worker").kill()
    assert run.wait() == 1
    assert "worker (signal 9) ended by itself" in run.output()
    assert are_gone(everything)


def test_when_postgres_dies_the_rest_stops(start: StartRun) -> None:
    run = start()
    run.wait_until_it_says(READY)
    everything = run.descendants()
    next(each for each in everything if each.name() == "postgres").kill()
    assert run.wait() == 1
    assert "Postgres ended by itself; its log," in run.output()
    assert are_gone(everything)


def test_make_shows_its_targets_and_reset_works_without_an_environment(tmp_path: Path) -> None:
    listing = subprocess.check_output(["make", "-C", str(ROOT), "help"], text=True)
    for target in ("run", "test", "lint", "format", "reset", "lock"):
        assert f"make {target}" in listing
    command = [sys.executable, "-I", "-S", "-c", "import sys; sys.path.insert(0, sys.argv[1]);"]
    command[-1] += "from app.standalone.reset import reset; from pathlib import Path;"
    command[-1] += "print(reset(Path(sys.argv[2])))"
    done = subprocess.check_output([*command, str(ROOT), str(tmp_path / "x")], text=True)
    assert done.startswith("Nothing to delete")
