"""`docker compose up`: what runs, as whom, who reaches it, and that people can use it."""

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from tests.browser import test_main_path as main_path
from tests.compose.conftest import Composed
from tests.compose.engine import DEFAULT, LONG_RUNNING, ROOT, SERVICES
from tests.support.api import Api
from tests.support.beginnings import answer_of, begun_upload
from tests.support.newman import run_collection
from tests.support.socket import Listener
from tests.support.waiting import wait_for

# Straight to the proxy from another container, with an address that is not the caller's own.
PRETEND = """
import json, socket, urllib.request
address = "http://proxy:5005/v1/login"
headers = {"X-Forwarded-For": "203.0.113.7", "X-Real-IP": "203.0.113.7"}
try:
    urllib.request.urlopen(urllib.request.Request(address, b"", headers))
except urllib.error.HTTPError as error:
    route = socket.create_connection(("proxy", 5005))
    print(json.dumps([error.headers["X-Request-Id"], route.getsockname()[0]]))
"""


def test_every_service_is_there_and_healthy(composed: Composed) -> None:
    found = composed.containers()
    assert {each.service for each in found} == SERVICES
    assert [each.name for each in found if each.service != "migrate" and not each.is_healthy] == []
    (migrate,) = composed.of("migrate")
    assert migrate.state["ExitCode"] == 0


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_a_container_runs_without_root_and_without_a_writable_disk(
    composed: Composed, service: str
) -> None:
    (container,) = composed.of(service)
    assert container.facts["Config"]["User"] not in {"", "0", "root"}
    assert container.host["ReadonlyRootfs"]
    assert container.host["CapDrop"] == ["ALL"]
    assert container.host["SecurityOpt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("service", LONG_RUNNING)
def test_a_process_has_no_right_that_it_could_lose(composed: Composed, service: str) -> None:
    status = composed.execute(service, "cat", "/proc/1/status")
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert "0" not in fields["Uid"].split()
    assert int(fields["CapEff"], 16) == int(fields["CapBnd"], 16) == 0
    assert composed.try_to("exec", "-T", service, "touch", "/somewhere").returncode != 0


def test_only_the_proxy_and_for_developers_the_stores_are_published_on_the_loopback(
    composed: Composed,
) -> None:
    published = {each.service: each.published for each in composed.containers() if each.published}
    assert published == {
        "proxy": {"127.0.0.1:5005"},
        "db": {"127.0.0.1:15432"},
        "redis": {"127.0.0.1:16379"},
    }


def test_the_proxy_is_not_in_the_network_of_the_database_and_redis(composed: Composed) -> None:
    inside = {each.service: set(each.networks) for each in composed.containers()}
    back = {each: {"back"} for each in SERVICES}
    assert inside == back | {"api": {"front", "back"}, "proxy": {"front"}}


def test_the_collection_of_postman_runs_through_the_proxy(composed: Composed) -> None:
    report = run_collection(composed.url)
    assert report.status == 0, report.output
    assert report.failures == []
    assert report.assertions > 100


def test_two_users_in_a_browser(
    composed: Composed, open_tab: Callable[..., object], tmp_path: Path
) -> None:
    main_path.test_two_users_at_once_and_only_the_one_whose_job_ended_is_rung(
        composed,  # type: ignore[arg-type]  # has the address, all that it asks for
        open_tab,  # type: ignore[arg-type]
        tmp_path,
    )


@pytest.mark.parametrize("path", ["/metrics", "//metrics", "/%6detrics", "/x/../metrics"])
def test_metrics_are_not_shown_outside(composed: Composed, path: str) -> None:
    request = requests.Request("GET", composed.url).prepare()
    request.url = composed.url + path  # as it stands
    answer = requests.Session().send(request)
    assert answer.status_code == 404
    assert answer.json()["code"] == "route_not_found"


def test_a_large_body_is_refused_by_the_application_in_its_own_words(composed: Composed) -> None:
    answer = requests.post(f"{composed.url}/v1/login", data=b" " * (2 << 20), timeout=30)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


def test_a_file_that_is_sent_to_a_server_is_read_by_a_worker(composed: Composed, user: Api) -> None:
    """Through the proxy: more than other requests may have, and less than uploads may."""
    rows = b"Lamp,12.50\n" * 500_000
    answer = user.call("POST", "/v1/uploads", files={"file": ("prices.csv", rows)})
    assert answer.status_code == 201, answer.text
    done = user.end_of(user.submit("extract_text", upload_id=answer.json()["id"])["id"])
    assert (done["state"], done["result"]["rows"]) == ("succeeded", 500_000), done["error"]
    assert user.call("DELETE", f"/v1/uploads/{answer.json()['id']}").status_code == 204


@pytest.mark.parametrize(
    ("token", "megabytes", "refusal"),
    [
        ("none", 15, (401, "token_invalid")),
        (None, 25, (413, "upload_too_large")),
    ],
    ids=["a bad token", "too large"],
)
def test_an_upload_is_refused_by_the_application_while_its_client_still_sends(
    composed: Composed, user: Api, token: str | None, megabytes: int, refusal: tuple[int, str]
) -> None:
    """A proxy that first took in all of it would keep what nobody has looked at."""
    token, size = token or user.token, megabytes << 20
    with begun_upload(composed.url, token, size) as connection:
        status, problem = answer_of(connection)
    assert (status, problem["code"]) == refusal
    # Whoever reads no answer before all is sent gets it as well.
    answer = requests.post(
        f"{composed.url}/v1/uploads",
        files={"file": ("a.csv", bytes(size))},
        headers={"Authorization": f"Bearer {token}"},
        timeout=60,
    )
    assert (answer.status_code, answer.json()["code"]) == refusal


@pytest.mark.parametrize(
    ("service", "folder", "may"),
    [
        ("api", "artifacts", False),
        ("api", "uploads", True),
        ("worker", "artifacts", True),
        ("worker", "uploads", False),
        ("beat", "artifacts", True),
        ("beat", "uploads", True),
    ],
)
def test_each_service_writes_only_where_its_work_is(
    composed: Composed, service: str, folder: str, may: bool
) -> None:
    trial = f"/var/lib/ringback/{folder}/trial"
    done = composed.try_to("exec", "-T", service, "sh", "-c", f"touch {trial} && rm {trial}")
    assert (done.returncode == 0) is may, done.stderr


def test_a_client_is_known_by_its_own_address_whatever_it_pretends(composed: Composed) -> None:
    told = composed.execute("api", "python", "-c", PRETEND)
    request_id, address = json.loads(told)

    def logged() -> list[str]:
        lines = composed.logs("api")
        return [each["client"] for each in lines if each.get("request_id") == request_id]

    assert wait_for(logged, "the request in the log") == [address]


def test_without_a_server_the_proxy_answers_in_the_shape_of_all_errors(composed: Composed) -> None:
    composed.run("stop", "api")
    try:
        answer = requests.get(f"{composed.url}/v1/jobs", timeout=30)
        assert (answer.status_code, answer.json()["code"]) == (503, "server_unavailable")
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["request_id"] == answer.headers["X-Request-Id"]
    finally:
        composed.up()


def test_a_server_on_this_machine_works_on_the_database_and_redis_of_the_containers(
    composed: Composed, user: Api, tmp_path: Path
) -> None:
    url = "http://localhost:5006"
    environment = composed.environment | {"RINGBACK_PORT": "5006"}
    with (tmp_path / "api.log").open("w") as log:
        process = subprocess.Popen(
            ["make", "api", f"COMPOSE={os.environ.get('COMPOSE', DEFAULT)}"],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_for(lambda: answers(url), f"the server; log: {log.name}", 120)
        here = Api(url, str(user.email), user.password)
        with Listener(url).connect(here.token) as listener:
            listener.wait_for("ready")
            job = here.submit("add", a=1, b=2)
            (rung,) = listener.wait_for("notification")
            assert rung["job_id"] == job["id"]
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)


def answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/healthz", timeout=5).ok
    except requests.ConnectionError:
        return False
