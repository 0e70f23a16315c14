"""The files around the containers agree with the code and with each other; no engine is needed."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.__main__ import main
from app.config import Settings
from app.jobs.broker import QUEUES, make_celery
from app.setting_sources import CONFIG_VARIABLE, SECRETS_VARIABLE

ROOT = Path(__file__).resolve().parents[2]
BASE, OVERLAY = "docker-compose.yml", "deploy/docker-compose.prod.yml"
LAUNCH = ".vscode/launch.json"
FILES = [
    *(BASE, OVERLAY, LAUNCH, ".env.example", "Dockerfile", "Makefile"),
    *("deploy/host.env", "deploy/postgres/start.sh", "deploy/redis/start.sh"),
    "deploy/rabbitmq/start.sh",
]
VENDORS = {"db": "postgres", "redis": "redis", "rabbitmq": "rabbitmq", "proxy": "nginx"}
BROKER_URL = "amqp://ring%25back:p%2F%22word@rabbitmq:5672//"


class Loader(yaml.SafeLoader):
    """Reads Compose's own tags as what they stand before."""


def tagged(loader: Loader, node: yaml.Node) -> Any:
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return None


for tag in ("!reset", "!override"):
    Loader.add_constructor(tag, tagged)


def read(name: str) -> dict[str, Any]:
    """A file of Compose."""
    loaded: dict[str, Any] = yaml.load((ROOT / name).read_text(), Loader)  # noqa: S506  # is safe
    return loaded


def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = read(BASE)["services"]
    return found


def launches() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((ROOT / LAUNCH).read_text())["configurations"]
    return found


def variables_of(name: str) -> dict[str, str]:
    """The assignments of a file of variables."""
    lines = (ROOT / name).read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


@pytest.mark.parametrize("name", FILES)
def test_every_variable_is_a_setting(name: str) -> None:
    known = {f"RINGBACK_{field.upper()}" for field in Settings.model_fields}
    named = set(re.findall(r"RINGBACK_[A-Z_]+", (ROOT / name).read_text()))
    assert named <= known | {CONFIG_VARIABLE, SECRETS_VARIABLE}


def test_the_settings_of_every_service_are_acceptable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "ringback_secret_key").write_text("s" * 32)
    for service in ("migrate", "api", "worker", "beat"):
        with monkeypatch.context() as patch:
            for name, value in services()[service]["environment"].items():
                if value is not None:  # else it is handed on if it is set
                    patch.setenv(name, value)
            patch.setenv(SECRETS_VARIABLE, str(tmp_path))
            settings = Settings.load()
        assert settings.is_development
        assert "@db:5432/" in settings.database_url.get_secret_value()
        assert "//redis:6379/" in settings.redis_url.get_secret_value()


def test_the_settings_for_processes_on_this_machine_are_acceptable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "ringback_secret_key").write_text("s" * 32)
    for name, value in variables_of("deploy/host.env").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv(SECRETS_VARIABLE, str(tmp_path))
    settings = Settings.load()
    for service, address in (("db", settings.database_url), ("redis", settings.redis_url)):
        (published,) = services()[service]["ports"]
        port = re.findall(r":-(\d+)\}", published)[0]
        assert f"127.0.0.1:{port}/" in address.get_secret_value()


def test_every_queue_in_the_code_has_a_worker() -> None:
    # A worker that is given no names consumes all queues that the application declares.
    assert services()["worker"]["command"] == ["worker"]
    settings = Settings.load(secret_key="s" * 32)
    assert {queue.name for queue in make_celery(settings).conf.task_queues} == set(QUEUES)


@pytest.mark.parametrize("service", ["worker", "api"])
def test_what_has_a_time_to_stop_in_is_not_killed_before(service: str) -> None:
    grace = Settings.model_fields["stop_grace_seconds"].default
    period = re.fullmatch(r"(\d+)([sm])", services()[service]["stop_grace_period"])
    assert period is not None
    number, unit = period.groups()
    assert int(number) * {"s": 1, "m": 60}[unit] > grace + 10


def test_images_are_pinned_to_a_version_and_every_other_is_our_own() -> None:
    images = {name: each["image"] for name, each in services().items()}
    for name, vendor in VENDORS.items():
        system = "" if vendor == "rabbitmq" else r"-\w+"  # its tags name none
        assert re.fullmatch(rf"{vendor}:\d+(\.\d+)?{system}", images.pop(name))
    assert set(images.values()) == {"ringback"}
    bases = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert re.fullmatch(r"python:3\.\d+-slim-\w+", bases[0])
    assert set(bases[1:]) == {"base"}


def test_only_one_service_builds_the_image_that_all_share() -> None:
    assert [name for name, each in services().items() if "build" in each] == ["migrate"]


@pytest.mark.parametrize("name", sorted({*VENDORS, "migrate", "api", "worker", "beat"}))
def test_every_service_is_hardened(name: str) -> None:
    service = services()[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert name == "migrate" or service["healthcheck"]["test"][0] == "CMD"


def test_rabbitmq_runs_only_if_asked_for_and_its_address_reaches_all_who_need_it() -> None:
    asked = {name: each["profiles"] for name, each in services().items() if "profiles" in each}
    assert asked == {"rabbitmq": ["rabbitmq"]}
    for service in ("rabbitmq", "migrate", "api", "worker", "beat"):
        assert services()[service]["environment"]["RINGBACK_BROKER_URL"] is None  # handed on
    assert "ports" not in services()["rabbitmq"]


def start_rabbitmq(folder: Path, address: str | None) -> subprocess.CompletedProcess[str]:
    """As its container does, with a server that only tells its user and its arguments."""
    server = folder / "rabbitmq-server"
    server.write_text('#!/bin/bash\necho "$RABBITMQ_DEFAULT_USER $RABBITMQ_DEFAULT_PASS $#"\n')
    server.chmod(0o755)
    script = (ROOT / "deploy/rabbitmq/start.sh").read_text()
    variables = {} if address is None else {"RINGBACK_BROKER_URL": address}
    return subprocess.run(
        ["/bin/bash", "-c", script.replace("/usr/lib/", f"{folder}/none/")],
        env=variables | {"PATH": f"{folder}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_rabbitmq_gets_user_and_password_of_the_address_that_all_others_have(
    tmp_path: Path,
) -> None:
    done = start_rabbitmq(tmp_path, BROKER_URL)
    assert (done.returncode, done.stdout) == (0, 'ring%back p/"word 0\n'), done.stderr
    settings = Settings.load(secret_key="s" * 32, broker_url=BROKER_URL)
    with make_celery(settings).connection_for_write() as connection:
        assert [connection.userid, connection.password] == ["ring%back", 'p/"word']


@pytest.mark.parametrize(
    "address",
    [
        None,
        *("", "redis://redis:6379/0", "amqp://rabbitmq:5672//", "amqp://u:@rabbitmq:5672//"),
        *("amqp://u:p@elsewhere:5672//", "amqp://u:p@rabbitmq:5672/other", "amqp://u:p:q@rabbitmq"),
    ],
)
def test_rabbitmq_does_not_start_without_a_user_and_a_password_of_its_own(
    tmp_path: Path, address: str | None
) -> None:
    done = start_rabbitmq(tmp_path, address)
    assert (done.returncode, done.stdout) == (78, "")
    assert "RINGBACK_BROKER_URL must be amqp://USER:PASSWORD@rabbitmq:5672//" in done.stderr


def test_production_documents_every_variable_that_it_reads() -> None:
    text = (ROOT / OVERLAY).read_text()
    read_there = set(re.findall(r"\$\{(\w+)", text))
    read_there |= set(re.findall(r"^ +(RINGBACK_\w+):$", text, re.MULTILINE)) - {
        "RINGBACK_DEMO_USERS"  # handed on so that the application can refuse it
    }
    example = (ROOT / ".env.example").read_text()
    documented = set(re.findall(r"^#?([A-Z_]+)=", example, re.MULTILINE))
    assert read_there <= documented
    for secret in read(OVERLAY)["secrets"]:
        assert secret in example
        assert (ROOT / "deploy/no-secrets" / secret).read_bytes() == b""


def test_production_resets_what_only_development_may_have() -> None:
    overlay = read(OVERLAY)["services"]
    assert overlay["db"]["ports"] == overlay["redis"]["ports"] == []
    for service in ("migrate", "api", "worker", "beat"):
        environment = overlay[service]["environment"]
        assert environment["RINGBACK_ENVIRONMENT"] == "production"
        assert environment["RINGBACK_DEMO_USERS"] is None


@pytest.mark.parametrize("path", ["deploy/secrets/any", ".env", "var/secrets/any"])
def test_what_may_hold_secrets_is_never_committed(path: str) -> None:
    done = subprocess.run(["git", "check-ignore", "-q", path], cwd=ROOT, check=False)
    assert done.returncode == 0


def test_the_proxy_accepts_larger_bodies_than_the_application() -> None:
    text = (ROOT / "deploy/nginx/server.conf").read_text()
    sizes = re.findall(r"^( *)client_max_body_size (\d+)m;", text, re.MULTILINE)
    (general, request), (inside, upload) = sizes
    assert (general, inside) == ("", "  ")
    assert int(request) << 20 > Settings.model_fields["max_request_bytes"].default
    assert int(upload) << 20 > Settings.model_fields["max_upload_bytes"].default


def test_the_proxy_takes_large_bodies_for_uploads_alone() -> None:
    text = (ROOT / "deploy/nginx/server.conf").read_text()
    locations = dict(re.findall(r"^location ([^{]+) \{(.*?)\}$", text, re.MULTILINE | re.DOTALL))
    large = [place for place, inside in locations.items() if "client_max_body_size" in inside]
    assert large == ["= /v1/uploads"]
    # Who may send them is looked at before they are read.
    assert "proxy_request_buffering off;" in locations["= /v1/uploads"]
    (general,) = re.findall(r"^client_max_body_size (\d+)m;", text, re.MULTILINE)
    # Not much more than any other request may have.
    assert int(general) << 20 <= 4 * Settings.model_fields["max_request_bytes"].default


@pytest.mark.parametrize("name", [BASE, OVERLAY])
def test_servers_write_uploads_and_workers_results_and_both_read_what_the_other_wrote(
    name: str,
) -> None:
    rights: dict[str, dict[str, str]] = {}
    for service in ("api", "worker", "beat"):
        for volume in read(name)["services"][service]["volumes"]:
            source, target, *readonly = volume.split(":")
            rights.setdefault(source, {})[service] = "reads" if readonly == ["ro"] else "writes"
            assert target == f"/var/lib/ringback/{source}"
    assert rights["artifacts"] == {"api": "reads", "worker": "writes", "beat": "writes"}
    assert rights["uploads"] == {"api": "writes", "worker": "reads", "beat": "writes"}


def test_each_folder_of_files_is_a_volume_that_the_image_makes_for_its_user() -> None:
    image = (ROOT / "Dockerfile").read_text()
    for setting, folder in (("ARTIFACT_DIR", "artifacts"), ("UPLOAD_DIR", "uploads")):
        assert f"RINGBACK_{setting}=/var/lib/ringback/{folder}" in image
        assert folder in read(BASE)["volumes"]
        # A new volume takes owner and rights of the folder that it covers.
        made = image.partition("install -d -o ringback")[2].partition("COPY")[0]
        assert f"/var/lib/ringback/{folder}" in made


@pytest.mark.parametrize("launch", launches(), ids=lambda launch: launch["name"])
def test_the_debugger_starts_what_there_is(launch: dict[str, Any]) -> None:
    assert launch["module"] in {"app", "celery", "pytest"}
    here = launch["cwd"]
    assert here == "${workspaceFolder}"
    if "envFile" in launch:
        assert (ROOT / launch["envFile"].removeprefix(f"{here}/")).is_file()
    if launch["module"] == "app":
        with pytest.raises(SystemExit) as ended:
            main([*launch["args"], "--help"])
        assert ended.value.code == 0


def test_the_debugger_knows_server_worker_beat_and_tests() -> None:
    names = {each["name"] for each in launches()}
    (compound,) = json.loads((ROOT / LAUNCH).read_text())["compounds"]
    assert (
        set(compound["configurations"])
        == {"Server", "Worker", "Beat"}
        == names - {"Tests in this file"}
    )
