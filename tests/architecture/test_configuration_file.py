"""Configuration in a YAML or JSON file, flat or in sections, as the systems before had it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.config import Settings
from app.errors import ConfigError
from tests.docs.pages import blocks

ROOT = Path(__file__).resolve().parents[2]
SECRET = "a secret of the tests, longer than thirty-two bytes"
NESTED = f"""
port: 5006
secret_key: {SECRET}
celery:
  broker_url: amqp://me:word@rabbit:5672//
database: {{url: "postgresql://me@db/ringback", password: p@ss}}
redis:
  url: redis://redis:6379/1
smtp: {{host: mail.example.com, port: 2525}}
mail_domains: [example.com, "example.org"]
mail: {{sender: ringback@example.com}}
max: {{sockets: {{per_user: 3}}}}
"""


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith("RINGBACK_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def load(path: Path, text: str | bytes, monkeypatch: pytest.MonkeyPatch) -> Settings:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    monkeypatch.setenv("RINGBACK_CONFIG", str(path))
    return Settings.load()


def refusal(path: Path, text: str | bytes, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("RINGBACK_SECRET_KEY", SECRET)
    with pytest.raises(ConfigError) as caught:
        load(path, text, monkeypatch)
    return caught.value.message


def run(folder: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app", *command],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", ["settings.yaml", "settings.json"])
def test_a_nested_configuration_file_gives_the_settings_that_its_sections_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    text = json.dumps(yaml.safe_load(NESTED)) if name.endswith("json") else NESTED
    settings = load(tmp_path / name, text, monkeypatch)
    assert settings.port == 5006
    assert settings.effective_broker_url == "amqp://me:word@rabbit:5672//"
    assert settings.database_url.get_secret_value() == (
        "postgresql+psycopg2://me:p%40ss@db/ringback"
    )
    assert settings.redis_url.get_secret_value() == "redis://redis:6379/1"
    assert (settings.smtp_host, settings.smtp_port) == ("mail.example.com", 2525)
    assert settings.mail_domains == ["example.com", "example.org"]
    assert settings.max_sockets_per_user == 3
    assert settings.notes == ()


def test_the_celery_section_of_an_old_configuration_is_read_and_its_result_backend_told_of(
    tmp_path: Path,
) -> None:
    old = {
        "port": 5006,
        "secret_key": SECRET,
        "celery": {"broker": "redis://:hidden@old:6379/0", "result_backend": "redis://:hidden@x"},
    }
    (tmp_path / "old.json").write_text(json.dumps(old))
    done = run(tmp_path, "config", RINGBACK_CONFIG="old.json")
    assert done.returncode == 0, done.stderr
    assert "broker_url: redis://:***@old:6379/0" in done.stdout
    assert "hidden" not in done.stdout + done.stderr
    assert done.stdout.startswith("# celery.result_backend in old.json is not used: results are")
    addresses = {
        "RINGBACK_DATABASE_URL": "postgresql://127.0.0.1:1/none",
        "RINGBACK_CONFIG": "old.json",
    }
    said = run(tmp_path, "migrate", **addresses).stderr
    (line,) = [each for each in said.splitlines() if "setting not used" in each]
    assert json.loads(line)["reason"].startswith("celery.result_backend in old.json")


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_the_configuration_files_of_the_page_on_settings_can_be_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    (example,) = blocks("docs/settings.md", form)
    assert load(tmp_path / f"ringback.{form}", example, monkeypatch).port == 5006


@pytest.mark.parametrize("name", ["ringback.yaml", "ringback.json"])
def test_without_a_name_the_configuration_in_the_working_directory_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / name).write_text(json.dumps({"port": 5007, "secret_key": SECRET}))
    assert Settings.load().port == 5007
    monkeypatch.setenv("RINGBACK_PORT", "5008")
    assert Settings.load().port == 5008
    monkeypatch.delenv("RINGBACK_PORT")
    monkeypatch.setenv("RINGBACK_CONFIG", "")
    assert Settings.load(secret_key=SECRET).port == 5005


def test_a_configuration_in_the_working_directory_that_others_may_write_stops_the_start(
    tmp_path: Path,
) -> None:
    file = tmp_path / "ringback.yaml"
    file.write_text(f"secret_key: {SECRET}\n")
    file.chmod(0o666)
    done = run(tmp_path, "config")
    assert done.returncode == 78
    assert "chmod go-w" in done.stderr
    file.chmod(0o644)
    assert run(tmp_path, "config").returncode == 0
    file.rename(tmp_path / "elsewhere.yaml")
    file.symlink_to(tmp_path / "elsewhere.yaml")
    assert run(tmp_path, "config").returncode == 78
    assert run(tmp_path, "config", RINGBACK_CONFIG="ringback.yaml").returncode == 0


@pytest.mark.root
def test_a_configuration_in_the_working_directory_of_another_user_stops_the_start(
    tmp_path: Path,
) -> None:
    file = tmp_path / "ringback.yaml"
    file.write_text(f"secret_key: {SECRET}\n")
    os.chown(file, 65534, 65534)
    done = run(tmp_path, "config")
    assert done.returncode == 78
    assert "a file of your own" in done.stderr


def test_two_configurations_in_the_working_directory_stop_the_start(tmp_path: Path) -> None:
    for name in ("ringback.yaml", "ringback.json"):
        (tmp_path / name).write_text("{}")
    done = run(tmp_path, "config")
    assert done.returncode == 78
    assert "ringback.yaml" in done.stderr and "ringback.json" in done.stderr


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("prot: 1", "prot is not a setting of Ringback (do you mean port?)"),
        ("celery: {brokr: x}", "celery.brokr is not a setting of Ringback (do you mean celery.bro"),
        ("celery: {broker_url: {host: x}}", "celery.broker_url.host is not a setting"),
        ("databse: {url: x}", "databse.url is not a setting of Ringback (do you mean database_url"),
        ("port: {a: {b: 1}}", "port.a.b is not a setting"),
        ("things:", "things is not a setting"),
        ("things: {}", "things is not a setting"),
        ("port: 1\nPort: 2", "port and Port are one setting, port"),
        ("redis_url: a\nredis: {url: b}", "redis_url and redis.url are one setting, redis_url"),
        (
            "broker_url: a\ncelery: {broker: b}",
            "broker_url and celery.broker are one setting, broker_url",
        ),
    ],
)
def test_a_key_of_the_configuration_that_is_unknown_or_comes_twice_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, complaint: str
) -> None:
    said = refusal(tmp_path / "settings.yaml", text, monkeypatch)
    assert said.splitlines()[0] == f"{tmp_path / 'settings.yaml'} cannot be used:"
    assert f"  - {complaint}" in said


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("port: many", "port in FILE: Input should be a valid integer"),
        ("port: yes", "port in FILE: must be a number, not yes or no"),
        ("port: [5005]", "port in FILE: Input should be a valid integer"),
        ("port:", "port in FILE: Input should be a valid integer"),
        ("lease: {seconds: .inf}", "lease.seconds in FILE: Input should be a finite number"),
        ("smtp: {password: 12345}", "smtp.password in FILE: Input should be a valid string"),
        ("celery: {broker: memory://}", "celery.broker in FILE: must start with redis://"),
        ("redis: {URL: 5}", "redis.URL in FILE: Input should be a valid string"),
        ("mail_domains: [a.com, 5]", "mail_domains.1 in FILE: Input should be a valid string"),
        ("mail_domains: 5", "mail_domains in FILE: Input should be a valid list"),
    ],
)
def test_a_wrong_type_in_the_configuration_is_told_by_the_key_as_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, complaint: str
) -> None:
    path = tmp_path / "settings.yaml"
    said = refusal(path, text, monkeypatch)
    assert f"  - {complaint.replace('FILE', str(path))}" in said


def test_a_wrong_variable_over_a_configuration_is_told_as_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RINGBACK_PORT", "many")
    assert "- RINGBACK_PORT: " in refusal(tmp_path / "settings.yaml", "port: 1", monkeypatch)


BOMB = "a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n"


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("s.yaml", "", "is empty"),
        ("s.yaml", "# port: 5005\n", "is empty"),
        ("s.json", "  ", "is empty"),
        ("s.yaml", "- 1", "it is no mapping"),
        ("s.json", "[]", "it is no mapping"),
        ("s.yaml", "5005", "it is no mapping"),
        ("s.yaml", b"\xff\xfe\x00", "it is not UTF-8 text"),
        ("s.yaml", b"port: \x00", "character 6"),
        ("s.yaml", "port: 1\n  host: x\n", "line 2: "),
        ("s.yaml", "{", "line 1: "),
        ("s.yaml", "port: 1\n---\nport: 2\n", "line 2: "),
        ("s.yaml", BOMB, "line 1: anchors (&) and aliases (*) are not used here"),
        ("s.yaml", "host: *x", "line 1: anchors (&) and aliases (*)"),
        ("s.yaml", "\nhost: !!python/object/apply:os.getcwd []", "line 2: tags (!)"),
        ("s.yaml", "host: !!binary aGk=", "line 1: tags (!)"),
        ("s.yaml", "port: 1\nport: 2", "'port' stands twice in one section"),
        ("s.yaml", "5005: port", "line 1: a name must be text"),
        ("s.yaml", "? [a]\n: 1", "line 1: a name must be text"),
        ("s.yaml", "a: " + "[" * 5000, "too many levels"),
        ("s.yaml", "port: " + "9" * 5000, "cannot be read as settings: "),
        ("s.json", '{"port": 1, "port": 2}', "'port' stands twice in one section"),
        ("s.json", '{"port": NaN}', "NaN is no number"),
        ("s.json", "{port: 1}", "line 1: "),
        ("s.json", '{"a":' * 200 + "1" + "}" * 200, "too many"),
        ("s.json", "[" * 200_000, "cannot be read as settings"),
        ("s.yaml", "#" * (1 << 20) + "\nport: 1", "too large"),
    ],
)
def test_a_configuration_file_that_is_damaged_or_hostile_stops_the_start_with_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str | bytes, complaint: str
) -> None:
    assert complaint in refusal(tmp_path / name, text, monkeypatch)


@pytest.mark.parametrize("name", ["s.yaml", "s.json"])
def test_a_broken_configuration_stops_a_process_with_78_and_shows_no_secret_of_it(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_text('secret_key: "hidden-one\nredis: "hidden-two')
    done = run(tmp_path, "config", RINGBACK_CONFIG=name)
    assert done.returncode == 78
    assert re.match(rf"{name} cannot be read as settings: line \d", done.stderr)
    assert "hidden" not in done.stderr and "Traceback" not in done.stderr


def test_an_empty_section_of_the_configuration_is_no_setting_and_no_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = f"secret_key: {SECRET}\ncelery:\n  # broker_url: redis://old\nsmtp: {{}}\n"
    assert load(tmp_path / "s.yaml", text, monkeypatch).broker_url is None


def test_a_configuration_of_odd_values_is_taken_or_refused_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values: list[Any] = [None, True, 1.5, [], {}, [[]], {"": 1}, {"url": None}, "x" * 99]
    for value in values:
        for key in ("port", "celery", "redis", "secret_key", "", "."):
            text = json.dumps({key: value})
            for name in ("s.yaml", "s.json"):
                assert refusal_or_none(tmp_path / name, text, monkeypatch) != ""


def refusal_or_none(path: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> str | None:
    try:
        load(path, text, monkeypatch)
    except ConfigError as error:
        return error.message
    return None
