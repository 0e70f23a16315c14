"""What is measured of sockets, under both engines: rings, clients, their ends, what is behind."""

import pytest
import requests
import socketio

from app.jobs.figures import SETTLED_SECONDS
from tests.operations.support import PATIENT_SECONDS, scrape
from tests.support.api import Api
from tests.support.database import query
from tests.support.socket import Listener
from tests.support.stack import AppServer, Stack
from tests.support.waiting import wait_for

RINGS = ("ringback_ring_seconds_count",)


def grew(server: AppServer, key: tuple[str, ...], before: dict[tuple[str, ...], float]) -> float:
    return scrape(server).get(key, 0) - before.get(key, 0)


def counts_from_now(server: AppServer) -> dict[tuple[str, ...], float] | None:
    """The first figures of jobs that the database gives: a server counts from when it is asked."""
    found = scrape(server)
    return found if found["ringback_database_up",] else None


def all_settled(url: str) -> bool:
    """Whether no job was logged so recently that its line is yet to be counted."""
    [[fresh]] = query(
        url,
        "SELECT count(*) FROM job_events WHERE at >= now() - make_interval(secs => %s)",
        SETTLED_SECONDS,
    )
    return bool(fresh == 0)


def left(found: dict[tuple[str, ...], float]) -> float:
    """Clients that went by themselves: what the server hears first depends on who is quicker."""
    key = "ringback_socket_connections_ended_total"
    return sum(found.get((key, reason), 0) for reason in ("client_disconnect", "transport_close"))


def test_a_ring_is_timed_once_for_each_client_and_a_replay_never(
    server: AppServer, json_stack: Stack
) -> None:
    user = json_stack.new_user(server.url)
    user.run("add", a=1, b=1)
    before = scrape(server)
    with (
        Listener(server.url).connect(user.token, after=0) as one,
        Listener(server.url).connect(user.token, after=0) as two,
    ):
        one.wait_for("notification")
        two.wait_for("notification")
        assert grew(server, RINGS, before) == 0
        user.run("add", a=2, b=2)
        one.wait_for("notification", 2)
        two.wait_for("notification", 2)
        assert grew(server, RINGS, before) == 2
        one.client.emit("sync", {"after": 0})
        one.wait_for("notification", 4)
        assert grew(server, RINGS, before) == 2
        found = scrape(server)
        assert 0 < found["ringback_ring_seconds_sum",] - before["ringback_ring_seconds_sum",] < 60


def test_clients_users_and_their_ends_are_counted(server: AppServer, json_stack: Stack) -> None:
    user = json_stack.new_user(server.url)
    before = scrape(server)
    with (
        Listener(server.url).connect(user.token) as one,
        Listener(server.url).connect(user.token) as two,
    ):
        one.wait_for("ready")
        two.wait_for("ready")
        assert grew(server, ("ringback_socket_connections",), before) == 2
        assert grew(server, ("ringback_socket_users",), before) == 1
        assert scrape(server)["ringback_socket_outbox_depth",] == 0
        one.client.disconnect()
        wait_for(lambda: left(scrape(server)) - left(before) == 1, "the end of the first")
        user.ok("POST", "/v1/logout")
        two.wait_until_disconnected()
        ended = ("ringback_socket_connections_ended_total", "token_revoked")
        wait_for(lambda: grew(server, ended, before) == 1, "the end of the second")
        wait_for(lambda: grew(server, ("ringback_socket_users",), before) == 0, "nobody left")


def test_refused_handshakes_are_counted_by_code(server: AppServer) -> None:
    before = scrape(server)
    with Listener(server.url) as listener, pytest.raises(socketio.exceptions.ConnectionError):
        listener.connect("nonsense")
    key = ("ringback_socket_handshakes_refused_total", "token_invalid")
    assert grew(server, key, before) == 1
    address = f"{server.url}/socket.io/?EIO=4&transport=polling"
    foreign = {"Origin": "https://evil.example"}
    assert requests.get(address, headers=foreign, timeout=PATIENT_SECONDS).status_code == 400
    key = ("ringback_socket_handshakes_refused_total", "origin_refused")
    assert grew(server, key, before) == 1


def test_all_servers_tell_the_same_of_jobs(json_stack: Stack) -> None:
    user = json_stack.new_user()
    servers = [json_stack.server_under(engine) for engine in ("eventlet", "gevent")]
    key = ("ringback_job_events_total", "succeeded", "add")
    url = json_stack.environment["RINGBACK_DATABASE_URL"]
    # The jobs of other tests before this one would be counted during it.
    wait_for(lambda: all_settled(url), "no fresh line in the jobs' log")
    before = [wait_for(lambda s=each: counts_from_now(s), "figures") for each in servers]
    user.run("add", a=1, b=1)
    for server, at_first in zip(servers, before, strict=True):
        assert at_first is not None
        wait_for(lambda s=server, b=at_first: grew(s, key, b) == 1, "the end in the metrics")


def test_reconcile_turns_are_counted(server: AppServer, json_stack: Stack) -> None:
    user: Api = json_stack.new_user(server.url)
    with Listener(server.url).connect(user.token) as listener:
        listener.wait_for("ready")
        before = scrape(server)
        key = ("ringback_reconcile_turns_total", "done")
        wait_for(lambda: grew(server, key, before) >= 2, "two turns")
        assert scrape(server)["ringback_socket_subscriptions_total",] >= 1
