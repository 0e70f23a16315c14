"""Submitting while servers die, and while one of them does not reach Valkey."""

import itertools
import threading
import time
from collections.abc import Iterator
from uuid import uuid4

import pytest
import requests

from tests.faults.cluster import Cluster
from tests.faults.ledger import Client
from tests.faults.poster import Poster
from tests.faults.relay import Relay
from tests.support.database import query
from tests.support.waiting import wait_for

CLUSTER = {"servers": 2}
BODY = {"type": "steps", "params": {"file": False}}
CLIENTS = 3
PAUSE_SECONDS = 0.5
RETRY_SECONDS = 0.1


@pytest.fixture
def relay(cluster: Cluster) -> Iterator[Relay]:
    port = cluster.own.valkey.port
    assert port is not None
    relay = Relay(port)
    yield relay
    relay.mend()


@pytest.mark.parametrize("how", ["freeze", "cut"])
def test_a_server_cut_off_from_valkey_accepts_jobs_at_once_and_they_do_not_wait_for_it(
    cluster: Cluster, relay: Relay, how: str
) -> None:
    there = cluster.environment["RINGBACK_REDIS_URL"]
    url = there.replace(f":{cluster.own.valkey.port}/", f":{relay.port}/")
    assert url != there
    server = cluster.add_server(RINGBACK_REDIS_URL=url)
    user = cluster.new_user().through(server.url)
    getattr(relay, how)()
    with Poster(user) as poster:
        wait_for(lambda: len(poster.answers) >= 8, "some answers")
    jobs = cluster.ledger.jobs_of(user.user_id)
    assert [user.end_of(job)["state"] for job in jobs] == ["succeeded"] * len(jobs)
    relay.mend()
    cluster.ledger.fault_is_over()
    median, longest = poster.show(f"of a server cut off from Valkey ({how})")
    assert poster.statuses() == {202}
    assert median < 1.0
    assert longest < 5.0  # the machine is busy
    assert user.run("steps")["state"] == "succeeded"


@pytest.mark.parametrize("point", ["commit.accepted", "committed.accepted", "dispatch"])
def test_who_asks_again_after_a_server_died_gets_the_one_job_of_the_key(
    cluster: Cluster, point: str
) -> None:
    doomed, other = cluster.servers
    user = cluster.new_user(other.url)
    armed = cluster.points.arm(point, "kill", group=doomed.process.pid)
    headers = {"Idempotency-Key": str(uuid4())}
    with pytest.raises(requests.ConnectionError):
        user.through(doomed.url).call("POST", "/v1/jobs", json=BODY, headers=headers)
    armed.wait()
    cluster.ledger.fault_is_over()
    committed = point != "commit.accepted"
    answer = user.call("POST", "/v1/jobs", json=BODY, headers=headers)
    assert answer.status_code == (200 if committed else 202)
    assert answer.headers.get("Idempotent-Replayed") == ("true" if committed else None)
    assert user.end_of(answer.json()["id"])["state"] == "succeeded"
    assert len(user.ok("GET", "/v1/jobs")["items"]) == 1


def test_a_job_whose_202_was_never_sent_ends_all_the_same(cluster: Cluster) -> None:
    doomed, other = cluster.servers
    user = cluster.new_user(other.url)
    armed = cluster.points.arm("committed.accepted", "kill", group=doomed.process.pid)
    with pytest.raises(requests.ConnectionError):
        user.through(doomed.url).submit("steps")
    armed.wait()
    cluster.ledger.fault_is_over()
    (job,) = user.ok("GET", "/v1/jobs")["items"]
    assert user.end_of(job["id"])["state"] == "succeeded"


def test_each_key_makes_one_job_though_clients_ask_again_and_servers_are_killed(
    cluster: Cluster,
) -> None:
    user = cluster.new_user()
    given: dict[str, set[str]] = {}
    enough = threading.Event()
    threads = [
        threading.Thread(target=submit_twice_each, args=[cluster, user, given, enough])
        for _ in range(CLIENTS)
    ]
    for thread in threads:
        thread.start()
    for server in cluster.servers * 2:
        wait_for_more(given, than=len(given))
        server.kill()
        server.start()
    enough.set()
    for thread in threads:
        thread.join()
    cluster.ledger.fault_is_over()
    assert {len(jobs) for jobs in given.values()} == {1}, given
    counting = "SELECT count(*), count(DISTINCT idempotency_key) FROM jobs WHERE user_id = %s"
    assert query(cluster.database_url, counting, user.user_id) == [(len(given), len(given))]
    assert set.union(*given.values()) >= set(cluster.ledger.jobs)


def submit_twice_each(
    cluster: Cluster, user: Client, given: dict[str, set[str]], enough: threading.Event
) -> None:
    """Each key twice, and again at the next server as long as there is no answer."""
    clients = itertools.cycle(at_each_server(cluster, user))
    while not enough.wait(PAUSE_SECONDS):
        key, jobs = str(uuid4()), set()
        for _ in range(2):
            while not (job := ask(next(clients), key)):
                time.sleep(RETRY_SECONDS)
            jobs.add(job)
        given[key] = jobs


def at_each_server(cluster: Cluster, user: Client) -> list[Client]:
    return [alone(user.through(server.url)) for server in cluster.servers]


def alone(client: Client) -> Client:
    """With connections of its own: those of `requests` are not for several threads."""
    http = requests.Session()
    http.trust_env = False
    http.headers.update(client.http.headers)
    client.http = http
    return client


def ask(client: Client, key: str) -> str | None:
    """The id of the job; None if there is no answer that says so."""
    try:
        answer = client.call("POST", "/v1/jobs", json=BODY, headers={"Idempotency-Key": key})
    except requests.ConnectionError:
        return None
    assert answer.status_code in {200, 202, 503}, answer.text
    return str(answer.json()["id"]) if answer.ok else None


def wait_for_more(given: dict[str, set[str]], than: int) -> None:
    wait_for(lambda: len(given) > than, "one more job")
