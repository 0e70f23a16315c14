"""Limits of requests, counted together by all servers."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest
import redis
from apiflask import APIFlask
from flask.testing import FlaskClient
from pydantic import SecretStr
from structlog.testing import capture_logs

from app.api.counters import Counters
from app.standalone.valkey import Valkey
from tests.support.in_process import Accounts, Caller
from tests.support.waiting import wait_for

ME = "/v1/users/me"
LIMIT = 5
WAIT_SECONDS = 0.5
MakeApp = Callable[..., APIFlask]


@pytest.fixture
def limited(other_app: MakeApp) -> APIFlask:
    return other_app(requests_per_minute=LIMIT, channel=f"limits-{time.monotonic_ns()}")


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    """One that this test alone may pause and kill."""
    valkey = Valkey(tmp_path / "valkey")
    valkey.start()
    yield valkey
    if valkey.pid is not None:
        os.kill(valkey.pid, signal.SIGCONT)
    valkey.stop()


def statuses(call: Callable[[], int], count: int) -> list[int]:
    return [call() for _ in range(count)]


def of(app: APIFlask, caller: Caller) -> Caller:
    """The same sign-in, at another app."""
    twin = object.__new__(Caller)
    twin.http, twin.email, twin.tokens, twin.id = (
        app.test_client(),
        caller.email,
        caller.tokens,
        caller.id,
    )
    return twin


def me(caller: Caller) -> Callable[[], int]:
    return lambda: caller.call("GET", ME).status_code


def test_more_requests_than_permitted_are_refused_and_told_when_to_come_back(
    limited: APIFlask, user: Caller
) -> None:
    caller = of(limited, user)
    assert statuses(me(caller), LIMIT) == [200] * LIMIT
    answer = caller.call("GET", ME)
    assert answer.status_code == 429
    assert answer.mimetype == "application/problem+json"
    body = answer.get_json()
    assert (body["code"], body["retryable"]) == ("too_many_requests", True)
    assert 1 <= int(answer.headers["Retry-After"]) <= 60


def test_every_answer_says_how_many_are_left(limited: APIFlask, user: Caller) -> None:
    caller = of(limited, user)
    for left in (4, 3, 2, 1, 0, 0):
        headers = caller.call("GET", ME).headers
        assert headers["RateLimit"] == f'"requests";r={left}'
        assert headers["RateLimit-Policy"] == '"requests";q=5;w=60'


def test_one_users_requests_are_not_counted_against_another_or_against_the_address(
    limited: APIFlask, accounts: Accounts
) -> None:
    one, other = of(limited, accounts.caller()), of(limited, accounts.caller())
    assert statuses(me(one), LIMIT + 1)[-1] == 429
    assert me(other)() == 200
    assert limited.test_client().get(ME).status_code == 401


def test_who_shows_no_token_of_ours_is_counted_by_address(limited: APIFlask) -> None:
    http = limited.test_client()
    forged = [f"Bearer {'x' * size}" for size in range(1, LIMIT + 2)]
    found = [http.get(ME, headers={"Authorization": each}).status_code for each in forged]
    assert found == [401] * LIMIT + [429]
    elsewhere = {"REMOTE_ADDR": "203.0.113.9"}
    assert http.get(ME, environ_overrides=elsewhere).status_code == 401


def test_addresses_of_one_ipv6_network_count_as_one(limited: APIFlask) -> None:
    http = limited.test_client()

    def call(address: str) -> int:
        return http.get(ME, environ_overrides={"REMOTE_ADDR": address}).status_code

    assert [call(f"2001:db8::{number}") for number in range(LIMIT + 1)][-1] == 429
    assert call("2001:db8:0:1::1") == 401


def test_pages_health_and_questions_of_browsers_are_not_counted(limited: APIFlask) -> None:
    http = limited.test_client()

    def status(path: str) -> int:
        with http.get(path) as answer:
            return answer.status_code

    for path in ("/healthz", "/docs", "/openapi.json", "/test.html", "/assets/test.css"):
        assert {status(path) for _ in range(LIMIT + 1)} == {200}
    assert {http.options(ME).status_code for _ in range(LIMIT + 1)} == {200}


def test_addresses_that_do_not_exist_are_counted_as_well(limited: APIFlask) -> None:
    http = limited.test_client()
    found = [http.get(f"/v1/nothing/{number}").status_code for number in range(LIMIT + 1)]
    assert found == [404] * LIMIT + [429]


def test_two_servers_count_together(other_app: MakeApp, user: Caller) -> None:
    channel = f"limits-{time.monotonic_ns()}"
    one, other = (of(other_app(requests_per_minute=LIMIT, channel=channel), user) for _ in range(2))
    assert statuses(me(one), 3) + statuses(me(other), 3) == [200] * LIMIT + [429]


def test_two_installations_on_one_redis_count_apart(other_app: MakeApp, user: Caller) -> None:
    for channel in ("limits-a", "limits-b"):
        name = f"{channel}-{time.monotonic_ns()}"
        caller = of(other_app(requests_per_minute=LIMIT, channel=name), user)
        assert statuses(me(caller), LIMIT) == [200] * LIMIT


def test_limits_hold_while_redis_is_paused_and_only_the_first_request_waits(
    other_app: MakeApp, user: Caller, valkey: Valkey
) -> None:
    assert valkey.pid is not None
    caller = of(_on(other_app, valkey), user)
    assert me(caller)() == 200
    os.kill(valkey.pid, signal.SIGSTOP)
    with capture_logs() as lines:
        ends = [(me(caller)(), time.monotonic()) for _ in range(LIMIT + 1)]
    assert [status for status, _ in ends] == [200] * LIMIT + [429]
    # Whichever of the others a busy machine holds up: if each waited for Redis, all took so long.
    assert min(after - before for (_, before), (_, after) in pairwise(ends)) < WAIT_SECONDS
    lost = [line for line in lines if "Redis is away" in line["event"]]
    assert len(lost) == 1


def test_servers_count_together_again_once_redis_is_back(
    other_app: MakeApp, user: Caller, valkey: Valkey
) -> None:
    one, other = (of(_on(other_app, valkey), user) for _ in range(2))
    valkey.kill()
    assert me(one)() == me(other)() == 200
    valkey.start()
    _wait_until_shared(one)
    _wait_until_shared(other)
    found = statuses(me(one), LIMIT) + statuses(me(other), 1)
    assert found[-1] == 429


def test_a_restart_of_redis_between_two_requests_is_not_noticed(valkey: Valkey) -> None:
    with closing(Counters(valkey.url, "test", 2.0, b"secret")) as counters:
        assert counters.count("key", 60) == 1
        valkey.stop()
        valkey.start()
        # It was kept, and the stale connection was replaced.
        assert counters.count("key", 60) == 2


def test_redis_holds_no_address_of_anybody(
    other_app: MakeApp, accounts: Accounts, valkey: Valkey
) -> None:
    email = accounts.add()
    _on(other_app, valkey).test_client().post(
        "/v1/login", json={"email": email, "password": "wrong"}
    )
    with redis.Redis.from_url(valkey.url, decode_responses=True) as client:
        keys = client.keys("*")
    assert len(keys) >= 4
    assert [key for key in keys if "127.0.0.1" in key or "@" in key or email[:8] in key] == []
    with redis.Redis.from_url(valkey.url) as client:
        assert [key for key in keys if not 0 < client.ttl(key) <= 30 * 24 * 3600] == []


def _on(other_app: MakeApp, valkey: Valkey) -> APIFlask:
    return other_app(
        requests_per_minute=LIMIT,
        redis_url=SecretStr(valkey.url),
        redis_timeout_seconds=WAIT_SECONDS,
    )


def _wait_until_shared(caller: Caller) -> None:
    app = caller.http.application
    counters = app.extensions["ringback-counters"]

    def asked() -> bool:
        counters.value("anything")
        return not counters._ask_again_at

    wait_for(asked, "Redis found again")


def test_a_client_without_sign_in_learns_the_limit_too(limited: APIFlask) -> None:
    http: FlaskClient = limited.test_client()
    assert http.get(ME).headers["RateLimit"] == '"requests";r=4'
