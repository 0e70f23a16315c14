"""One cluster a module; each test heals it and ends in an audit, without asking for it."""

from collections.abc import Iterator

import pytest

from tests.faults.audit import Audit
from tests.faults.cluster import Cluster
from tests.faults.crowd import Crowd
from tests.faults.ledger import Client, Ledger, report
from tests.support.rabbitmq import BINARY

PATIENCE = 120.0  # seconds


@pytest.fixture(scope="module")
def cluster_of_module(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    """A module may say what it wants: `CLUSTER = {"workers": 2, "rabbitmq": True}`."""
    wanted = getattr(request.module, "CLUSTER", {})
    if "rabbitmq" in wanted and not BINARY.exists():
        pytest.skip(f"RabbitMQ is not installed: there is no {BINARY}")
    cluster = Cluster.launch(tmp_path_factory.mktemp("cluster"), **wanted)
    yield cluster
    cluster.stop()


@pytest.fixture
def cluster(cluster_of_module: Cluster, request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """The module's cluster, whole; what a test breaks is healed, and then audited."""
    cluster = cluster_of_module
    cluster.ledger = Ledger()
    yield cluster
    cluster.heal()
    cluster.ledger.fault_is_over()
    try:
        audit = Audit(cluster, cluster.ledger)
        report(request.node.name, audit.run())
        report(f"{request.node.name}: last client", audit.seconds_until_heard())
    finally:
        cluster.ledger.held.close()
        cluster.drop_extras()


@pytest.fixture
def user(cluster: Cluster) -> Client:
    """A user of this test alone, signed in."""
    return cluster.new_user()


@pytest.fixture
def crowd(cluster: Cluster) -> Crowd:
    """Nobody yet; who joins stays connected until the audit is over."""
    # The bell is no part of what is tested, and many ring at once: it waits as long as it takes.
    core = cluster.core(lock_timeout_seconds=PATIENCE, statement_timeout_seconds=PATIENCE)
    crowd = Crowd(core, cluster.ledger.heard)
    cluster.ledger.held.callback(crowd.close)
    return crowd
