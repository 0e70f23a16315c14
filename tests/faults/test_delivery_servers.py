"""A server is killed while clients are connected to it: they return, and nothing is missing."""

from tests.faults.cluster import Cluster
from tests.faults.crowd import Crowd

CLUSTER = {"servers": 2}
JAVASCRIPT, PYTHON = 180, 20


def test_200_clients_of_a_server_that_is_killed_miss_nothing_that_came_meanwhile(
    cluster: Cluster, crowd: Crowd
) -> None:
    server = cluster.server
    crowd.join(JAVASCRIPT, PYTHON, server.url)
    with crowd.ringing():
        server.kill()
        crowd.ring()
        server.start()
        cluster.ledger.fault_is_over()
        crowd.wait_until_heard(1)
    assert all(each.downs for each in crowd.records)


def test_clients_of_a_server_that_is_killed_go_to_the_other_one_and_miss_nothing(
    cluster: Cluster, crowd: Crowd
) -> None:
    first, second = cluster.servers
    crowd.join(JAVASCRIPT, PYTHON, first.url, second.url)
    owner = cluster.new_user()
    crowd.listen_for(owner, second.url, first.url)
    jobs = [owner.submit("steps", seconds=1)["id"] for _ in range(3)]
    with crowd.ringing():
        second.kill()
        cluster.ledger.fault_is_over()
        crowd.ring()
        crowd.wait_until_heard(1)
    assert [owner.end_of(job)["state"] for job in jobs] == ["succeeded"] * 3
    assert sum(1 for each in crowd.records if each.downs) == len(crowd.records) // 2 + 1
