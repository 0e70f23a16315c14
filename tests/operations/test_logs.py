"""Logs in JSON: nothing else in them, no secret, and one id finds a request in all processes."""

import json
import subprocess
import sys
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import requests

from app.standalone.servers import Servers
from tests.operations.support import all_is_well, records
from tests.support.api import Api
from tests.support.process import ROOT
from tests.support.socket import Listener
from tests.support.stack import AppServer, Stack
from tests.support.waiting import wait_for

WRONG_PASSWORD = "a-wrong-password-of-the-tests"
SECRET = "a secret of the tests, longer than thirty-two bytes"
REDIS_PASSWORD = 'quoted"and/slashed'
NOISE = f"""
import logging, sys, threading, warnings
from app.config import Settings
from app.observability import configure_logging, get_logger
settings = Settings.load(secret_key={SECRET!r}, redis_password={REDIS_PASSWORD!r})
configure_logging(settings, "server")
get_logger("a").info("ours", text="key " + settings.secret_key.get_secret_value())
get_logger("a").info("address", text=settings.redis_url.get_secret_value())
logging.getLogger("b").warning("theirs: %s", {REDIS_PASSWORD!r})
warnings.warn("look\\nout")
print("printed", "by a library")
print("also there", file=sys.stderr)
def fail():
    raise ValueError("in a thread")
thread = threading.Thread(target=fail)
thread.start()
thread.join()
raise RuntimeError("at the end: " + settings.secret_key.get_secret_value())
"""


def everything(stack: Stack) -> list[dict[str, str]]:
    """All records of all processes; fails if a line is not one."""
    return [record for log in stack.folder.glob("*.log") for record in records(log)]


def events_of(stack: Stack, request_id: str) -> set[tuple[str, str]]:
    """What a search for the id finds in all logs: (role, event)."""
    found = [each for each in everything(stack) if request_id in json.dumps(each)]
    return {(each["role"], each["event"]) for each in found}


def submit(user: Api, job_type: str, **params: object) -> tuple[str, str]:
    """Start a job; returns the ids of request and job."""
    request_id = f"trace-{uuid4().hex}"
    body = {"type": job_type, "params": params}
    answer = user.call("POST", "/v1/jobs", json=body, headers={"X-Request-Id": request_id})
    assert answer.status_code == 202, answer.text
    return request_id, answer.json()["id"]


@pytest.fixture
def user(json_stack: Stack) -> Api:
    """Of this test alone; hides the fixture of the same name that is on the shared stack."""
    wait_for(lambda: all_is_well(json_stack.server), "readiness", 90)
    return json_stack.new_user()


def test_one_request_id_finds_a_job_in_all_processes(json_stack: Stack, server: AppServer) -> None:
    user = json_stack.new_user(server.url)
    with Listener(server.url).connect(user.token) as listener:
        listener.wait_for("ready")
        request_id, _ = submit(user, "wait", seconds=1)
        (notification,) = listener.wait_for("notification")
        assert notification["data"]["request_id"] == request_id
    wanted = {
        ("server", "request handled"),
        ("server", "job submitted"),
        ("server", "job dispatched"),
        ("server", "notification sent"),
        ("worker", "job claimed"),
        ("worker", "job progressed"),
        ("worker", "job ended"),
    }
    wait_for(lambda: events_of(json_stack, request_id) >= wanted, f"{wanted} in the logs")


def test_the_id_also_finds_the_rescue_of_a_job_whose_worker_was_lost(
    json_stack: Stack, user: Api
) -> None:
    request_id, job_id = submit(user, "kills_its_worker")
    assert user.end_of(job_id)["error"]["code"] == "worker_lost"
    wanted = {("beat", "lease ran out"), ("beat", "job dispatched"), ("worker", "job claimed")}
    wait_for(lambda: events_of(json_stack, request_id) >= wanted, f"{wanted} in the logs")


def test_a_job_admitted_by_the_end_of_another_keeps_its_own_id(
    json_stack: Stack, user: Api
) -> None:
    """The user's share is four jobs; the fifth waits until one of them has ended."""
    ids = [submit(user, "wait", seconds=1) for _ in range(5)]
    for _, job_id in ids:
        user.end_of(job_id)
    request_id, job_id = ids[-1]
    dispatched = [
        each
        for each in everything(json_stack)
        if each["event"] == "job dispatched" and each.get("job_id") == job_id
    ]
    assert {each["request_id"] for each in dispatched} == {request_id}


def test_lines_name_the_user_and_who_wrote_them(json_stack: Stack, user: Api) -> None:
    request_id, job_id = submit(user, "add", a=1, b=2)
    user.end_of(job_id)
    found = [each for each in everything(json_stack) if each.get("request_id") == request_id]
    assert {each.get("user_id") for each in found} == {user.user_id}
    for record in everything(json_stack):
        assert {"event", "level", "timestamp", "role"} <= set(record), record


def test_no_process_writes_a_secret_or_anything_but_records(
    json_stack: Stack, server: AppServer, own_servers: Servers
) -> None:
    user = json_stack.new_user(server.url)
    secrets = {WRONG_PASSWORD, "a long password", "password1", user.token}
    secrets.add(str(user.tokens["refresh_token"]))
    for password in (WRONG_PASSWORD, {"nested": WRONG_PASSWORD}):
        body = {"email": user.email, "password": password}
        assert requests.post(f"{server.url}/v1/login", json=body, timeout=30).status_code >= 400
    wrong = {"Authorization": f"Bearer {user.token[:-4]}AAAA"}
    assert user.call("GET", f"/v1/jobs?token={user.token}", headers=wrong).status_code == 401
    secrets |= set(refresh(user).values())
    submit(user, "raises")
    fail_for_a_while(own_servers, user)
    json_stack.worker.stop()
    json_stack.worker.start()
    user.end_of(submit(user, "add", a=1, b=2)[1], 90)
    settings = json_stack.environment
    secrets.add(settings["RINGBACK_SECRET_KEY"])
    for name in ("RINGBACK_DATABASE_URL", "RINGBACK_REDIS_URL"):
        secrets.add(str(urlsplit(settings[name]).password))
    text = "\n".join(json.dumps(each) for each in everything(json_stack))
    assert [secret for secret in secrets if secret in text] == []


def fail_for_a_while(servers: Servers, user: Api) -> None:
    """Both servers away, and back."""
    servers.postgres.kill()
    servers.valkey.kill()
    try:
        assert user.call("GET", "/v1/jobs").status_code == 503
    finally:
        servers.postgres.start()
        servers.valkey.start()
    wait_for(lambda: user.call("GET", "/v1/jobs").ok, "the database again", 90)


def refresh(user: Api) -> dict[str, str]:
    """New tokens for the user; returns them."""
    body = {"refresh_token": user.tokens["refresh_token"]}
    fresh = requests.post(f"{user.url}/v1/refresh", json=body, timeout=30).json()
    user.tokens |= fresh
    user.http.headers["Authorization"] = f"Bearer {user.token}"
    return {name: fresh[name] for name in ("access_token", "refresh_token")}


def test_whatever_a_process_says_becomes_a_record_without_its_secrets() -> None:
    done = subprocess.run(
        [sys.executable, "-c", NOISE], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    found = [json.loads(line) for line in done.stderr.splitlines()]
    events = [(each["event"], each.get("text", "")) for each in found]
    assert events[:3] == [
        ("ours", "key ***"),
        ("address", "redis://:***@127.0.0.1:6379/0"),
        ("theirs: ***", ""),
    ]
    assert "look\nout" in events[3][0]
    assert events[4:6] == [("printed", "printed by a library"), ("printed", "also there")]
    assert [each["event"] for each in found[6:]] == ["uncaught exception"] * 2
    assert "in a thread" in found[6]["exception"]
    assert found[7]["exception"].endswith("RuntimeError: at the end: ***")
    assert {each["role"] for each in found} == {"server"}


REFUSED = f"""
import json, os
from app.config import Settings
from app.observability import configure_logging
form = os.environ["FORM"]
configure_logging(Settings.load(secret_key={SECRET!r}, log_format=form), "server")
import logging
import socketio
server = socketio.Server(async_mode="threading", cors_allowed_origins=["https://ours.example"])
environ = {{
    "REQUEST_METHOD": "GET", "PATH_INFO": "/socket.io/", "QUERY_STRING": "transport=polling&EIO=4",
    "HTTP_ORIGIN": "https://theirs.example", "wsgi.url_scheme": "http", "HTTP_HOST": "h",
}}
answers = []
for _ in range(3):
    server.handle_request(environ, lambda status, headers: answers.append(status))
assert [each[:3] for each in answers] == ["400"] * 3, answers
try:
    raise ValueError("of a handler")
except ValueError:
    server.eio.logger.exception("message handler error")
server.logger.error("of Socket.IO")
"""


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_refused_origin_is_one_warning_however_often_and_failures_stay_errors(form: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", REFUSED],
        cwd=ROOT,
        env={"FORM": form},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    lines = done.stderr.splitlines()
    assert sum("https://theirs.example is not an accepted origin" in line for line in lines) == 1
    assert "accepted origin" in lines[0]
    if form == "json":
        found = [json.loads(line) for line in lines]
        assert [each["level"] for each in found] == ["warning", "error", "error"]
        assert "of a handler" in found[1]["exception"]
    else:
        assert "[warning" in lines[0] and "role=server" in lines[0]
        assert sum("of Socket.IO" in line for line in lines) == 1
