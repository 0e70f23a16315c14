"""Stacks whose servers may be frozen and stopped, with logs in JSON."""

from collections.abc import Iterator

import pytest

from app.standalone.servers import Servers
from tests.operations.support import all_is_well
from tests.support.database import spare_the_disk
from tests.support.in_process import accounts, other_app, settings, web_app
from tests.support.stack import AppServer, Stack
from tests.support.waiting import wait_for

__all__ = ["accounts", "other_app", "settings", "web_app"]


@pytest.fixture(scope="session")
def own_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """A Postgres and a Valkey that the tests of this folder may freeze and kill."""
    with Servers(tmp_path_factory.mktemp("servers") / "data") as running:
        spare_the_disk(running)
        yield running


@pytest.fixture(scope="session")
def json_stack(own_servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """An application on those, whose logs can be read by a program."""
    stack = Stack.start(
        own_servers,
        tmp_path_factory.mktemp("stack"),
        RINGBACK_LOG_FORMAT="json",
        RINGBACK_LOG_LEVEL="DEBUG",
    )
    yield stack
    stack.stop()


@pytest.fixture(params=["eventlet", "gevent"])
def server(request: pytest.FixtureRequest, json_stack: Stack) -> AppServer:
    server = json_stack.server_under(request.param)
    wait_for(lambda: all_is_well(server), "readiness", 90)
    return server
