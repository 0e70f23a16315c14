"""Clients that do not read: they are cut off, cost little, and catch up, under both engines."""

from collections.abc import Iterator
from contextlib import ExitStack
from uuid import UUID

import psutil
import pytest
from flask import Flask

from app.delivery import events
from app.services import services
from tests.support.api import Api
from tests.support.hostile import Raw, figure, fill, is_connected
from tests.support.memory import PeakMemory
from tests.support.repeated import Repeated
from tests.support.socket import Listener
from tests.support.stack import AppServer, Stack
from tests.support.waiting import wait_for

COUNT, SIZE = 500, 4000
KEPT = "ringback_socket_unsent_bytes"
ENDED = "ringback_socket_connections_ended_total"
CUT_OFF_SECONDS = 90.0
MEGABYTE = 1024 * 1024


@pytest.fixture(scope="module", params=["eventlet", "gevent"])
def server(request: pytest.FixtureRequest, stack: Stack) -> Iterator[AppServer]:
    """A server that nobody else uses: its memory and its figures are of these tests alone."""
    server = AppServer(stack.environment, stack.folder, request.param)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def core(stack: Stack) -> Iterator[Flask]:
    app = stack.core()
    with app.app_context():
        yield app


class Kept(Repeated):
    """The most that a server kept for its clients, looked at while it lives."""

    def __init__(self, server: AppServer) -> None:
        self.most = 0.0
        self._server = server
        super().__init__(self._look, pause=0.3)

    def _look(self) -> None:
        self.most = max(self.most, figure(self._server, KEPT))


def ring(user: Api, event: str, count: int) -> None:
    """Send so many events of some KB to a user, as another program would."""
    for number in range(count):
        payload = {"id": "job", "version": number, "filler": "x" * SIZE}
        services().publisher.to_user(UUID(user.user_id), event, payload)


# That they are cut off under the other engine, too, is seen below.
@pytest.mark.parametrize("server", ["gevent"], indirect=True, scope="module")
def test_who_does_not_read_is_cut_off_costs_little_and_catches_up(
    server: AppServer, stack: Stack, core: Flask
) -> None:
    behind, flooded = stack.new_user(), stack.new_user()
    fill(stack.database_url, behind, COUNT, SIZE)
    before = figure(server, ENDED, reason="slow_client")
    with (
        Raw(server, behind.token, after=0) as replayed,
        Raw(server, flooded.token) as emitted,
        Kept(server) as kept,
    ):
        wait_for(lambda: figure(server, "ringback_socket_connections") == 2, "both connected")
        wait_for(lambda: figure(server, KEPT) > 100_000, "a queue that fills")
        ring(behind, events.JOB, 200)  # dropped: it is congested
        assert wait_for(lambda: figure(server, "ringback_socket_events_dropped_total") >= 100, "…")
        ring(flooded, "news", 500)  # of other programs: kept up to the hard limit
        for user, raw in ((flooded, emitted), (behind, replayed)):
            wait_for(lambda raw=raw: not is_connected(server, raw.port), "cut", CUT_OFF_SECONDS)
            found = [line for line in log_of(server) if user.user_id in line]
            assert any("client disconnected" in line and "slow_client" in line for line in found)
    assert figure(server, ENDED, reason="slow_client") == before + 2
    print(f"\n{server.engine}: at most {kept.most / 1024:.0f} KiB kept for two clients")  # noqa: T201
    assert kept.most < 2 * MEGABYTE
    assert figure(server, KEPT) < MEGABYTE / 10
    with Listener(server.url).connect(behind.token, after=0) as back:
        back.wait_for("notification", COUNT, 120)
        assert back.numbers == list(range(1, COUNT + 1))


def test_fifty_clients_that_do_not_read_take_at_most_a_megabyte_each(
    server: AppServer, stack: Stack
) -> None:
    clients, users = 50, [stack.new_user() for _ in range(5)]
    for user in users:
        fill(stack.database_url, user, COUNT, SIZE)
    with Listener(server.url).connect(users[0].token, after=0) as normal:
        normal.wait_for("notification", COUNT, 120)
    idle, cut_off = resident(server), figure(server, ENDED, reason="slow_client")
    with ExitStack() as all_of_them, PeakMemory(server.process.pid) as peak, Kept(server) as kept:
        for number in range(clients):
            all_of_them.enter_context(Raw(server, users[number % 5].token, after=0))
        # Not all at once: where a machine is slow, the first is cut off before the last is there.
        wait_for(lambda: figure(server, KEPT) > 100_000, "a queue that is full")
        with Listener(server.url).connect(stack.new_user().token) as other:
            other.wait_for("ready")  # nobody else notices
        wait_for(
            lambda: figure(server, ENDED, reason="slow_client") == cut_off + clients,
            "all cut off",
            CUT_OFF_SECONDS * 2,
        )
    grown = (peak.bytes - idle) / MEGABYTE
    print(  # noqa: T201
        f"\n{server.engine}: idle {idle / MEGABYTE:.1f} MiB; {clients} clients that do not read: "
        f"+{grown:.1f} MiB ({grown / clients:.2f} each), at most {kept.most / MEGABYTE:.1f} MiB queued"
    )
    assert grown < clients


def resident(server: AppServer) -> int:
    """Of the largest process of a server, as `PeakMemory` measures it."""
    root = psutil.Process(server.process.pid)
    return max(each.memory_info().rss for each in (root, *root.children(recursive=True)))


def log_of(server: AppServer) -> list[str]:
    return server.process.log.read_text().splitlines()
