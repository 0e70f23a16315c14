"""`/readyz` on a server whose Postgres or Valkey hangs, is away, or comes back."""

import psutil

from app.standalone.servers import Servers
from tests.operations.support import PROMISED_SECONDS, Probe, all_is_well, frozen, scrape
from tests.support.socket import Listener
from tests.support.stack import AppServer, Stack
from tests.support.waiting import wait_for

PARTS = {"server", "database", "connections", "redis", "artifacts", "uploads", "subscription"}


def connections_to(server: AppServer, port: int | None) -> int:
    process = psutil.Process(server.process.pid)
    return len([each for each in process.net_connections() if each.raddr and each.raddr[1] == port])


def test_a_server_that_has_all_it_needs_is_ready(server: AppServer) -> None:
    probe = Probe(server)
    assert probe.body["ready"] is True
    assert set(probe.parts) == PARTS
    assert {name for name, part in probe.parts.items() if part["required"]} == {
        "server",
        "database",
    }
    assert all(part["reason"] == "" for part in probe.parts.values())


def test_a_frozen_postgres_makes_the_server_unready_and_the_answer_is_not_late(
    server: AppServer, own_servers: Servers
) -> None:
    with frozen(own_servers.postgres):
        probes = [Probe(server) for _ in range(3)]
    for probe in probes:
        assert probe.status == 503
        assert probe.media_type == "application/problem+json"
        assert probe.seconds < PROMISED_SECONDS
        assert probe.failing() == {"database"}
        assert (probe.body["ready"], probe.body["code"]) == (False, "not_ready")
    waited = [probe.parts["database"]["milliseconds"] for probe in probes]
    assert waited == sorted(waited)
    assert probes[-1].parts["database"]["reason"].startswith("has not answered for ")
    wait_for(lambda: all_is_well(server), "readiness again", 90)


def test_probes_of_a_frozen_postgres_do_not_pile_up(
    server: AppServer, own_servers: Servers
) -> None:
    port = own_servers.postgres.port
    scrape(server)
    before = connections_to(server, port)
    with frozen(own_servers.postgres):
        for _ in range(4):
            assert Probe(server).status == 503
            assert scrape(server)["ringback_database_up",] == 0
        # One question each of readiness and metrics; either may have opened a connection.
        assert connections_to(server, port) <= before + 2
    wait_for(lambda: all_is_well(server), "readiness again", 90)


def test_a_frozen_valkey_leaves_the_server_ready_and_the_answer_is_not_late(
    server: AppServer, own_servers: Servers
) -> None:
    with frozen(own_servers.valkey):
        probes = [Probe(server) for _ in range(3)]
    for probe in probes:
        assert probe.status == 200
        assert probe.body["ready"] is True
        assert probe.seconds < PROMISED_SECONDS
        assert probe.failing() == {"redis", "subscription"}
    wait_for(lambda: all_is_well(server), "all parts", 90)


def test_reasons_tell_neither_addresses_nor_secrets(
    server: AppServer, own_servers: Servers
) -> None:
    own_servers.postgres.kill()
    own_servers.valkey.kill()
    try:
        wait_for(lambda: Probe(server).failing() >= {"database", "redis"}, "both fail")
        probe = Probe(server)
        told = str(probe.parts)
        for secret in ("127.0.0.1", str(own_servers.postgres.port), str(own_servers.valkey.port)):
            assert secret not in told
        assert probe.parts["redis"]["reason"] == "fails (ConnectionError)"
        assert probe.parts["database"]["reason"] == "fails (OperationalError)"
    finally:
        own_servers.postgres.start()
        own_servers.valkey.start()
    wait_for(lambda: all_is_well(server), "readiness again", 90)


def test_while_redis_is_away_jobs_end_and_ring_and_the_lost_hints_are_counted(
    server: AppServer, own_servers: Servers, json_stack: Stack
) -> None:
    """Why a server without Redis counts as ready."""
    user = json_stack.new_user(server.url)
    with Listener(server.url).connect(user.token) as listener:
        listener.wait_for("ready")
        lost = scrape(server)["ringback_hints_lost_total",]
        waiting = user.submit("wait", seconds=4)
        wait_for(lambda: user.job(waiting["id"])["state"] == "running", "the claim")
        own_servers.valkey.kill()
        try:
            accepted = user.submit("add", a=1, b=2)
            assert user.end_of(waiting["id"])["state"] == "succeeded"
            listener.wait_for("notification")
        finally:
            own_servers.valkey.start()
        assert user.end_of(accepted["id"], 90)["state"] == "succeeded"
        assert json_stack.worker.is_running, "the worker must outlive the loss of Redis"
        listener.wait_for("notification", 2)
        assert listener.numbers == [1, 2]
        counted = ("ringback_hints_lost_total",)
        wait_for(lambda: scrape(server)[counted] > lost, "the lost hint in the metrics")
    wait_for(lambda: all_is_well(server), "all parts", 90)
