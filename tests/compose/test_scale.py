"""Two servers and three workers behind one address."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.browser import test_main_path as main_path
from tests.browser.tab import Tab
from tests.compose.conftest import Composed
from tests.support.api import Api
from tests.support.js_socket import JsListener
from tests.support.newman import run_collection
from tests.support.socket import Listener
from tests.support.waiting import wait_for

HANDSHAKE = "/socket.io/?EIO=4&transport=polling"
METRICS = (
    "import urllib.request as r; print(r.urlopen('http://localhost:5005/metrics').read().decode())"
)
CLIENTS = re.compile(r"^ringback_socket_connections (\S+)$", re.MULTILINE)
# Everything in the container but its init.
CRASH = "import os, signal; os.kill(-1, signal.SIGKILL)"
SERVERS = "/tmp/servers.conf"  # noqa: S108  # in the container
SERVER_INDEXES = (1, 2)
SCALE = ("--scale", "api=2", "--scale", "worker=3")


@pytest.fixture(scope="module")
def scaled(composed: Composed) -> Iterator[Composed]:
    scale_up(composed)
    yield composed
    composed.up()
    wait_for(lambda: len(upstreams(composed)) == 1, "the proxy to know of one server")


@pytest.fixture
def user(scaled: Composed) -> Api:
    return scaled.new_user()


def scale_up(composed: Composed) -> None:
    composed.up(*SCALE)
    wait_for(lambda: upstreams(composed) == addresses(composed), "the proxy to know both servers")


def upstreams(composed: Composed) -> set[str]:
    """The servers that the proxy knows."""
    lines = composed.execute("proxy", "cat", SERVERS).splitlines()
    return {line.removeprefix("server ").removesuffix(";") for line in lines}


def addresses(composed: Composed) -> set[str]:
    """The servers that there are."""
    running = [each for each in composed.of("api") if each.state["Running"]]
    return {f"{each.networks['front']['IPAddress']}:5005" for each in running}


def servers_of(composed: Composed, devices: list[str]) -> list[str]:
    """Which server answered the handshake of each device, by the proxy's log."""

    def logged() -> list[dict[str, Any]]:
        return [each for each in composed.logs("proxy") if each.get("path") == "/socket.io/"]

    before = len(logged())
    for device in devices:
        assert requests.get(f"{composed.url}{HANDSHAKE}&device={device}", timeout=30).ok

    def answered() -> list[str] | None:
        lines = logged()[before:]
        return [each["server"] for each in lines] if len(lines) == len(devices) else None

    return wait_for(answered, "the handshakes in the log") or []


def test_the_requests_of_a_device_stay_together_and_devices_are_spread(scaled: Composed) -> None:
    devices = [f"device-{number}" for number in range(12)]
    first = servers_of(scaled, devices)
    assert set(first) == addresses(scaled)
    assert servers_of(scaled, devices) == first


@pytest.mark.parametrize("transport", ["websocket", "polling"])
def test_all_devices_of_a_user_are_rung_whichever_server_they_are_at(
    scaled: Composed, user: Api, transport: str
) -> None:
    with ExitStack() as stack:
        devices = [f"{transport}-{number}" for number in range(8)]
        listeners = []
        for device in devices:
            listener = stack.enter_context(Listener(f"{scaled.url}?device={device}"))
            listener.connect(user.token, transports=(transport,), device=device)
            listeners.append(listener)
        assert all(clients(scaled, index) for index in SERVER_INDEXES), "a server has no client"
        for number in range(1, 4):
            job = user.submit("add", a=number, b=0)
            for listener in listeners:
                assert listener.wait_for("notification", number)[-1]["job_id"] == job["id"]
        assert [listener.numbers for listener in listeners] == [[1, 2, 3]] * len(devices)


@pytest.mark.parametrize("transport", ["websocket", "polling"])
def test_the_javascript_client_is_rung_too(scaled: Composed, user: Api, transport: str) -> None:
    url = f"{scaled.url}?device=js-{transport}"
    with JsListener(url, [transport], token=user.token) as listener:
        listener.wait_for("ready")
        (connected,) = listener.named("connect")
        assert connected["transport"] == transport
        job = user.submit("add", a=1, b=2)
        assert listener.wait_for("notification")[0]["job_id"] == job["id"]


def test_two_users_in_a_browser(
    scaled: Composed, open_tab: Callable[..., object], tmp_path: Path
) -> None:
    main_path.test_two_users_at_once_and_only_the_one_whose_job_ended_is_rung(
        scaled,  # type: ignore[arg-type]  # has the address, all that it asks for
        open_tab,  # type: ignore[arg-type]
        tmp_path,
    )


def test_the_collection_of_postman_runs(scaled: Composed) -> None:
    report = run_collection(scaled.url)
    assert (report.status, report.failures) == (0, []), report.output


def test_all_three_workers_take_jobs(scaled: Composed) -> None:
    users = [scaled.new_user(), scaled.new_user()]
    with ExitStack() as stack:
        listeners = [
            stack.enter_context(Listener(scaled.url).connect(each.token)) for each in users
        ]
        # A worker runs two at once, so six need all three.
        jobs = [(each, each.submit("wait", seconds=5)["id"]) for each in users for _ in range(3)]
        for listener in listeners:
            listener.wait_for("notification", 3)
    workers = Counter(worker_of(user, job) for user, job in jobs)
    assert len(workers) == 3, workers


def worker_of(user: Api, job_id: str) -> str:
    events = user.ok("GET", f"/v1/jobs/{job_id}/events")["items"]
    (worker,) = {each["worker"] for each in events if each["worker"]}
    return str(worker)


def test_a_page_finds_the_other_server_when_its_own_is_killed(
    scaled: Composed, user: Api, open_tab: Callable[[str], Tab]
) -> None:
    wait_for(lambda: not with_clients(scaled), "the end of all other clients", 90)
    tab = open_tab(scaled.url).sign_in_as(user)
    (index,) = wait_for(lambda: with_clients(scaled), "the page's connection")
    try:
        scaled.try_to("exec", "-T", "--index", str(index), "api", "python", "-c", CRASH)
        wait_for(lambda: len(addresses(scaled)) == 1, "the end of the server")
        other = 3 - index
        wait_for(lambda: clients(scaled, other), "the page's connection to the other server", 90)
        tab.wait_for_state("live", 90)
        job_id = tab.run("add", a=1, b=2)
        tab.wait_for_job(job_id, "succeeded")
    finally:
        scale_up(scaled)


def with_clients(composed: Composed) -> list[int]:
    """Which servers have clients."""
    return [index for index in SERVER_INDEXES if clients(composed, index)]


def clients(composed: Composed, index: int) -> int:
    """How many a server has."""
    (count,) = CLIENTS.findall(composed.execute("api", "python", "-c", METRICS, index=index))
    return int(float(count))
