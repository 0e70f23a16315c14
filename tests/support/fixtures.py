"""Fixtures that start the application; `servers` is in `tests/conftest.py`."""

from collections.abc import Iterator

import pytest

from app.standalone.servers import Servers
from tests.support.api import Api
from tests.support.rabbitmq import BINARY, RabbitMQ
from tests.support.stack import Stack


@pytest.fixture(scope="session")
def stack(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One running application for all tests that disturb nobody else's processes."""
    stack = Stack.start(servers, tmp_path_factory.mktemp("stack"))
    yield stack
    stack.stop()


@pytest.fixture(scope="module")
def own_stack(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """An application for one module, whose processes its tests may stop and kill."""
    stack = Stack.start(servers, tmp_path_factory.mktemp("own-stack"))
    yield stack
    stack.stop()


@pytest.fixture(scope="module")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    """A broker for one module, whose tests may stop and kill it."""
    if not BINARY.exists():
        pytest.skip(f"RabbitMQ is not installed: there is no {BINARY}")
    broker = RabbitMQ(tmp_path_factory.mktemp("rabbitmq"))
    try:
        broker.start()
        yield broker
    finally:
        broker.stop()


@pytest.fixture(scope="module")
def rabbit_stack(
    rabbitmq: RabbitMQ, servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """Like `own_stack`, with RabbitMQ as broker and one worker that runs one job at a time."""
    settings = {"RINGBACK_BROKER_URL": rabbitmq.url, "RINGBACK_WORKER_PROCESSES": "1"}
    stack = Stack.start(servers, tmp_path_factory.mktemp("rabbit-stack"), **settings)
    yield stack
    stack.stop()


@pytest.fixture
def user(stack: Stack) -> Api:
    """A user of this test alone, signed in."""
    return stack.new_user()
