"""Settings: where they come from, and what stops the start."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

import pytest

from app import setting_file
from app.config import Settings
from app.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]
SECRET = "a secret of the tests, longer than thirty-two bytes"


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("RINGBACK_"):
            monkeypatch.delenv(name)


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app", *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("command", ["serve", "worker", "beat", "migrate", "config"])
@pytest.mark.parametrize("secret", ["", "short"])
def test_a_missing_or_short_secret_stops_the_start_and_says_what_to_do(
    command: str, secret: str
) -> None:
    done = run(command, **({"RINGBACK_SECRET_KEY": secret} if secret else {}))
    assert done.returncode == 78
    assert "RINGBACK_SECRET_KEY" in done.stderr
    assert "secrets.token_urlsafe" in done.stderr
    assert "Traceback" not in done.stderr


def test_demo_users_are_refused_in_production() -> None:
    done = run("migrate", RINGBACK_SECRET_KEY=SECRET, RINGBACK_DEMO_USERS="true")
    assert done.returncode == 78
    assert "demo_users" in done.stderr


def test_the_environment_wins_over_the_file_and_the_file_over_the_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in (
        ("settings.yaml", f"port: 6001\nbacklog: 77\nsecret_key: {SECRET}\n"),
        ("settings.json", json.dumps({"port": 6001, "backlog": 77, "secret_key": SECRET})),
    ):
        path = tmp_path / name
        path.write_text(text)
        monkeypatch.setenv("RINGBACK_CONFIG", str(path))
        monkeypatch.setenv("RINGBACK_PORT", "6002")
        settings = Settings.load()
        assert (settings.port, settings.backlog, settings.host) == (6002, 77, "127.0.0.1")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("prot: 1", "prot"),
        ("port: many", "port in "),
        ("{", "cannot be read"),
        ("- 1", "cannot be read"),
    ],
)
def test_a_wrong_file_is_refused_with_the_name_of_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, complaint: str
) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text(text)
    monkeypatch.setenv("RINGBACK_CONFIG", str(path))
    monkeypatch.setenv("RINGBACK_SECRET_KEY", SECRET)
    with pytest.raises(ConfigError, match=complaint):
        Settings.load()


def test_a_missing_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RINGBACK_CONFIG", "/nowhere/settings.yaml")
    with pytest.raises(ConfigError, match="no such file"):
        Settings.load()


def test_the_effective_settings_are_printed_with_secrets_masked() -> None:
    done = run(
        "config",
        RINGBACK_SECRET_KEY=SECRET,
        RINGBACK_DATABASE_URL="postgresql://app:hidden-one@db/ringback",
        RINGBACK_REDIS_URL="redis://:hidden-two@redis:6379/0",
    )
    assert done.returncode == 0, done.stderr
    assert "hidden" not in done.stdout + done.stderr
    assert SECRET not in done.stdout
    assert "postgresql+psycopg2://app:***@db/ringback" in done.stdout
    assert "redis://:***@redis:6379/0" in done.stdout
    assert "port: 5005" in done.stdout


def test_postgres_addresses_name_the_driver() -> None:
    given = ["postgres://h/d", "postgresql://h/d", "postgresql+psycopg2://h/d"]
    found = [
        Settings.load(secret_key=SECRET, database_url=each).database_url.get_secret_value()
        for each in given
    ]
    assert found == ["postgresql+psycopg2://h/d"] * 3


def test_a_misspelt_variable_is_refused_with_the_name_that_was_meant() -> None:
    done = run("config", RINGBACK_SECRET_KEY=SECRET, RINGBACK_DATABASE_ULR="postgresql://h/d")
    assert done.returncode == 78
    assert "RINGBACK_DATABASE_ULR (do you mean RINGBACK_DATABASE_URL?)" in done.stderr


def test_what_the_python_client_reads_keeps_no_server_from_starting(tmp_path: Path) -> None:
    client = {"RINGBACK_EMAIL": "a@test.com", "RINGBACK_PASSWORD": "hidden"}
    done = run("config", RINGBACK_SECRET_KEY=SECRET, **client)
    assert done.returncode == 0, done.stderr
    assert "hidden" not in done.stdout + done.stderr
    (tmp_path / "RINGBACK_PASSWORD").write_text("a secret that no setting has")
    done = run("config", RINGBACK_SECRET_KEY=SECRET, RINGBACK_SECRETS_DIR=str(tmp_path))
    assert done.returncode == 78
    assert "RINGBACK_PASSWORD" in done.stderr


def test_secrets_come_from_files_and_passwords_find_their_way_into_the_addresses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "ringback_secret_key").write_text(f"{SECRET}\n")
    (tmp_path / "ringback_database_password").write_text("p@ss/word\n")
    (tmp_path / "ringback_redis_password").write_text("r:d\n")
    monkeypatch.setenv("RINGBACK_SECRETS_DIR", str(tmp_path))
    monkeypatch.setenv("RINGBACK_DATABASE_URL", "postgresql://me:old@db/ringback")
    monkeypatch.setenv("RINGBACK_REDIS_URL", "redis://redis:6379/0")
    settings = Settings.load()
    assert settings.secret_key.get_secret_value() == SECRET
    assert settings.database_url.get_secret_value() == (
        "postgresql+psycopg2://me:p%40ss%2Fword@db/ringback"
    )
    assert settings.redis_url.get_secret_value() == "redis://:r%3Ad@redis:6379/0"
    assert "p%40ss" not in settings.describe()


def test_a_misspelt_secret_or_a_missing_folder_of_secrets_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ringback_secret_kye").write_text(SECRET)
    done = run("config", RINGBACK_SECRETS_DIR=str(tmp_path))
    assert done.returncode == 78
    assert "ringback_secret_kye (do you mean RINGBACK_SECRET_KEY?)" in done.stderr
    done = run("config", RINGBACK_SECRETS_DIR=str(tmp_path / "none"))
    assert done.returncode == 78
    assert "no such folder" in done.stderr


@pytest.mark.parametrize("network", ["300.1.1.1", "10.0.0.0/99", "a proxy"])
def test_a_proxy_that_is_no_network_is_refused(network: str) -> None:
    done = run("config", RINGBACK_SECRET_KEY=SECRET, RINGBACK_TRUSTED_PROXIES=network)
    assert done.returncode == 78
    assert "RINGBACK_TRUSTED_PROXIES" in done.stderr


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("redis://:hid/den@h", None),
        ("redis://u:hid/den:x@h:6379/0", None),
        ("redis://u:1/hid/den@h", None),
        ("redis://u:1#hid/den@h", None),
        ("redis://u:[hid/den@h", None),
        ("amqp://u:hid%2Fden@h:5672//", "amqp://u:***@h:5672//"),
        ("redis://g:hid:den:b@h/1", "redis://g:***@h/1"),
        ("redis://g:hid@den@h/1", "redis://g:***@h/1"),
        ("redis://h/1?password=hiddenden&protocol=3", "redis://h/1?password=***&protocol=3"),
    ],
)
def test_no_address_shows_its_password_whether_it_is_refused_or_printed(
    address: str, shown: str | None
) -> None:
    done = run("config", RINGBACK_SECRET_KEY=SECRET, RINGBACK_BROKER_URL=address)
    said = done.stdout + done.stderr
    assert "hid" not in said and "den" not in said.replace("hidden", "")
    if shown is None:
        assert done.returncode == 78
        assert "RINGBACK_BROKER_URL: is not of the form redis://user" in said
    else:
        assert f"broker_url: {shown}" in said


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("REDIS_URL", "foo://x", "must start with redis:// or rediss://"),
        ("REDIS_URL", "localhost:6379", "must start with redis:// or rediss://"),
        ("REDIS_URL", "", "must start with redis:// or rediss://"),
        ("REDIS_URL", "redis://h:70000/0", "is not of the form redis://"),
        ("BROKER_URL", "memory://", "must start with redis:// or rediss:// or amqp://"),
        ("BROKER_URL", "localhost:6379", "must start with redis:// or rediss:// or amqp://"),
        ("DATABASE_URL", "postgresql://h:notaport/x", "is not of the form postgresql://"),
        ("DATABASE_URL", "mysql://h/x", "must start with postgresql://"),
        ("METRICS_TOKEN", "", "is empty"),
        ("METRICS_TOKEN", " ", "is empty"),
    ],
)
def test_a_value_that_no_part_could_use_is_one_line_and_status_78(
    name: str, value: str, complaint: str
) -> None:
    done = run("config", RINGBACK_SECRET_KEY=SECRET, **{f"RINGBACK_{name}": value})
    assert (done.returncode, done.stdout) == (78, "")
    head, line = done.stderr.splitlines()
    assert head == "The settings are not usable:"
    assert line.startswith(f"  - RINGBACK_{name}: {complaint}")


def test_what_an_empty_line_leaves_out_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BROKER_URL", "DATABASE_PASSWORD", "REDIS_PASSWORD"):
        monkeypatch.setenv(f"RINGBACK_{name}", "")
    monkeypatch.setenv("RINGBACK_REDIS_URL", "rediss://:kept@h/0")
    settings = Settings.load(secret_key=SECRET)
    assert settings.broker_url is None
    assert settings.effective_broker_url == "rediss://:kept@h/0"
    assert settings.database_url.get_secret_value().startswith("postgresql+psycopg2://ringback@")


def test_a_secret_that_is_no_text_or_no_file_is_refused_by_name(tmp_path: Path) -> None:
    secret = tmp_path / "ringback_secret_key"
    secret.write_bytes(b"\xff" * 40)
    done = run("config", RINGBACK_SECRETS_DIR=str(tmp_path))
    assert done.returncode == 78
    assert done.stderr == f"{secret} cannot be read: it is not UTF-8 text.\n"
    secret.unlink()
    secret.mkdir()
    done = run("config", RINGBACK_SECRETS_DIR=str(tmp_path))
    assert done.returncode == 78
    assert done.stderr == f"{secret} is to hold a secret, but it is no file.\n"


@pytest.mark.parametrize("engine", ["eventlet", "gevent"])
@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({}, "Address already in use. Change RINGBACK_HOST or RINGBACK_PORT."),
        ({"RINGBACK_HOST": "no-such-host.invalid"}, "no-such-host.invalid port "),
        ({"RINGBACK_HOST": "a..b"}, "a..b port "),
        ({"RINGBACK_MAX_CONNECTIONS": "99999999999"}, "Lower RINGBACK_MAX_CONNECTIONS"),
    ],
)
def test_a_server_that_cannot_listen_says_so_in_one_line(
    engine: str, changes: dict[str, str], complaint: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        basis = {
            "RINGBACK_SECRET_KEY": SECRET,
            "RINGBACK_ENGINE": engine,
            "RINGBACK_PORT": str(taken.getsockname()[1]),
            "RINGBACK_DATABASE_URL": "postgresql://127.0.0.1:1/none",
            "RINGBACK_REDIS_URL": "redis://127.0.0.1:1/0",
        }
        done = run("serve", **(basis | changes))
    assert done.returncode == 78, done.stderr
    (line,) = [each for each in done.stderr.splitlines() if "RINGBACK_" in each]
    assert complaint in line
    assert "Traceback" not in done.stderr


def test_the_file_of_settings_is_read_once_whether_it_can_be_used_or_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[Path] = []
    read = setting_file.read

    def noted(path: Path, names: Collection[str], *, found: bool) -> setting_file.SettingFile:
        reads.append(path)
        return read(path, names, found=found)

    monkeypatch.setattr(setting_file, "read", noted)
    file = tmp_path / "settings.json"
    monkeypatch.setenv("RINGBACK_CONFIG", str(file))
    file.write_text(json.dumps({"secret_key": SECRET, "port": 5006, "celery_backend": "x"}))
    settings = Settings.load()
    assert (settings.port, len(settings.notes)) == (5006, 1)
    file.write_text(json.dumps({"secret_key": SECRET, "port": "many", "redis_url": 5}))
    with pytest.raises(ConfigError, match=r"port in .*settings\.json"):
        Settings.load()
    assert reads == [file, file]
