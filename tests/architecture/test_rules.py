"""The rules of the layout that no linter holds (import-linter holds the others)."""

import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest
from flask import Flask

from app.api.guards import PUBLIC_ROUTES, is_guarded
from app.config import Settings
from app.factory import create_app, create_core
from app.job_types import registry
from app.jobs.broker import QUEUES

ROOT = Path(__file__).resolve().parents[2]
SECRET = "a secret of the tests, longer than thirty-two bytes"

IMPORT_ALL = """
import os, pkgutil, socket, sys

def refuse(*_):
    raise AssertionError("a connection was opened")

socket.socket.connect = socket.socket.connect_ex = refuse
for name in sys.argv[1:]:
    __import__(name)
from app.config import Settings
from app.factory import create_app, create_celery
settings = Settings.load(secret_key="{secret}")

class Guarded(dict):
    def __getitem__(self, name):
        assert not name.startswith("RINGBACK_"), name + " was read"
        return super().__getitem__(name)

    def get(self, name, default=None):
        return self[name] if name in self else default

    def __contains__(self, name):
        assert not name.startswith("RINGBACK_"), name + " was read"
        return super().__contains__(name)

    def __iter__(self):
        raise AssertionError("the environment was read as a whole")

os.environ = Guarded(os.environ)
create_app(settings)
create_celery(settings)
"""


def module_names() -> list[str]:
    found = pkgutil.walk_packages([str(ROOT / "app")], prefix="app.")
    return sorted(each.name for each in found if not each.name.endswith(".__main__"))


@pytest.fixture(scope="module")
def web_app() -> Flask:
    return create_app(Settings.load(secret_key=SECRET, environment="development"))


def test_importing_and_creating_opens_no_connection_and_reads_no_environment() -> None:
    script = IMPORT_ALL.format(secret=SECRET)
    command = [sys.executable, "-W", "error", "-c", script, *module_names()]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_only_the_settings_read_the_environment() -> None:
    readers = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "app").rglob("*.py")
        if "os.environ" in path.read_text() or "getenv" in path.read_text()
    }
    # The stand-alone set-up sets up the environment of the processes that it starts.
    others = {each for each in readers if not each.startswith("app/standalone/")}
    # The Python client runs in somebody else's process, and may be told there who signs in; matplotlib
    # can be told only there where it may write.
    known = {"app/setting_sources.py", "app/client/ringback.py", "app/charts/library.py"}
    assert others == known


def test_only_the_engine_names_eventlet_and_gevent() -> None:
    naming = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "app").rglob("*.py")
        if any(
            f"{word} {library}" in path.read_text()
            for word in ("import", "from")
            for library in ("eventlet", "gevent")
        )
    }
    assert {Path(each).parent.as_posix() for each in naming} == {"app/engine"}


def test_every_route_has_a_guard_or_stands_in_the_public_list(web_app: Flask) -> None:
    unguarded = {
        rule.rule
        for rule in web_app.url_map.iter_rules()
        if not is_guarded(web_app.view_functions[rule.endpoint])
    }
    assert unguarded == PUBLIC_ROUTES


def test_pages_and_their_files_can_only_be_read(web_app: Flask) -> None:
    pages = [rule for rule in web_app.url_map.iter_rules() if rule.endpoint.startswith("web.")]
    assert pages
    for rule in pages:
        assert rule.methods is not None
        assert rule.methods <= {"GET", "HEAD", "OPTIONS"}


def test_every_queue_of_a_job_type_has_a_worker() -> None:
    types = registry.load(["app.job_types"])
    assert {each.queue for each in types} <= set(QUEUES)


def test_two_applications_live_in_one_process() -> None:
    one, two = (
        create_core(
            Settings.load(secret_key=SECRET, redis_url=f"redis://127.0.0.1:1/{number}"),
            role="test",
        )
        for number in (1, 2)
    )
    assert one.extensions["ringback"] is not two.extensions["ringback"]
    assert one.extensions["ringback"].settings != two.extensions["ringback"].settings


def test_no_file_is_longer_than_three_hundred_lines() -> None:
    long = {
        path.relative_to(ROOT).as_posix(): count
        for path in [*(ROOT / "app").rglob("*.py"), *(ROOT / "tests").rglob("*.py")]
        if (count := len(path.read_text().splitlines())) > 300
    }
    assert long == {}


def test_an_unpatched_worker_is_what_celery_loads() -> None:
    script = (
        "import socket, threading, time, worker; import celery;"
        "assert not [m for m in __import__('sys').modules"
        " if m.split('.')[0] in ('eventlet', 'gevent')]"
    )
    environment = {"RINGBACK_SECRET_KEY": SECRET, "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
