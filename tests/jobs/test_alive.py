"""Health checks: a process that is there and does nothing is found out."""

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import observability
from app.__main__ import main
from app.config import Settings
from app.errors import AppError
from app.jobs import alive
from app.standalone.ports import free_port
from tests.support.process import AppProcess
from tests.support.stack import Stack
from tests.support.waiting import wait_for


@pytest.fixture
def settings(own_stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """For `main` in this process, whose log belongs to all tests."""
    monkeypatch.setattr(observability, "configure_logging", lambda *_: None)
    for name, value in own_stack.environment.items():
        monkeypatch.setenv(name, value)
    return Settings.load()


@pytest.fixture
def frozen_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Call a process silent sooner than in production."""
    monkeypatch.setattr(alive, "WORKER_SECONDS", 1.0)
    monkeypatch.setattr(alive, "BEAT_SECONDS", 1.0)


def is_well(target: str) -> bool:
    return main(["probe", target]) == 0


@pytest.fixture
def restored(own_stack: Stack) -> Iterator[Stack]:
    """What a test stops or freezes works again after it."""
    yield own_stack
    for process in (own_stack.worker, own_stack.beat):
        if process.is_running:
            os.killpg(process.pid, signal.SIGCONT)
        else:
            process.start()


def process_of(stack: Stack, target: str) -> AppProcess:
    return {"worker": stack.worker, "beat": stack.beat}[target]


@pytest.mark.parametrize("target", ["worker", "beat"])
def test_a_process_at_work_is_well(settings: Settings, target: str) -> None:
    wait_for(lambda: is_well(target), f"the {target} to answer")


@pytest.mark.parametrize("target", ["worker", "beat"])
def test_a_process_that_stopped_is_not(
    settings: Settings, restored: Stack, target: str, capsys: pytest.CaptureFixture[str]
) -> None:
    process_of(restored, target).stop()
    assert main(["probe", target]) == 1
    assert "does not" in capsys.readouterr().err


@pytest.mark.parametrize("target", ["worker", "beat"])
def test_a_process_that_is_frozen_is_found_out(
    settings: Settings, restored: Stack, target: str, frozen_soon: None
) -> None:
    wait_for(lambda: is_well(target), f"the {target} to answer")
    os.killpg(process_of(restored, target).pid, signal.SIGSTOP)
    wait_for(lambda: not is_well(target), f"the {target} to be found out", 60)


def test_a_beat_cannot_be_judged_without_its_database(settings: Settings) -> None:
    address = f"postgresql://ringback@127.0.0.1:{free_port()}/ringback"
    with pytest.raises(AppError) as refused:
        alive.check_beat(Settings.load(database_url=address))
    assert refused.value.code == "database_unavailable"


def test_an_address_is_well_if_it_answers_with_200(
    own_stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    assert is_well(f"{own_stack.url}/healthz")
    assert not is_well(f"{own_stack.url}/v1/jobs")
    assert "token_missing" in capsys.readouterr().err  # the answer itself says why
    assert not is_well(f"http://127.0.0.1:{free_port()}/healthz")
    assert "does not answer" in capsys.readouterr().err


def test_an_address_that_accepts_and_says_nothing_is_not_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.__main__.PROBE_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert not is_well(f"http://127.0.0.1:{silent.getsockname()[1]}/healthz")


def test_something_else_cannot_be_probed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["probe", "database"])
    assert "no such target: database" in capsys.readouterr().err


def test_a_secret_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "ringback_secret_key"
    assert main(["make-secret", str(path)]) == 0
    secret = path.read_text()
    assert Settings.load(secret_key=secret).secret_key.get_secret_value() == secret
    assert path.stat().st_mode & 0o777 == 0o600
    assert main(["make-secret", str(path)]) == 0
    assert path.read_text() == secret
    assert list(tmp_path.iterdir()) == [path]


def test_a_secret_that_cannot_be_written_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["make-secret", str(tmp_path / "none/secret")]) == 1
    assert "cannot be written" in capsys.readouterr().err
