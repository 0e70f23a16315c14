"""Guessing passwords: slowed down, told how long to wait, and never locked out."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from apiflask import APIFlask
from werkzeug.test import TestResponse

from app.config import Settings
from app.factory import create_app, default_services
from tests.support.in_process import PASSWORD, Accounts, Caller, close
from tests.support.waiting import wait_for

FREE = 3
MakeApp = Callable[..., APIFlask]


@pytest.fixture
def throttled(other_app: MakeApp) -> APIFlask:
    return other_app(
        login_attempts_per_account=FREE,
        login_attempts_per_address=1000,
        channel=f"throttle-{time.monotonic_ns()}",
    )


def try_in(
    app: APIFlask, email: str, password: str = "wrong", address: str = "198.51.100.1"
) -> TestResponse:
    body = {"email": email, "password": password}
    return app.test_client().post(
        "/v1/login", json=body, environ_overrides={"REMOTE_ADDR": address}
    )


def assert_told_to_wait(answer: TestResponse) -> int:
    assert answer.status_code == 429, answer.text
    assert answer.get_json()["code"] == "too_many_attempts"
    assert answer.get_json()["retryable"] is True
    seconds = int(answer.headers["Retry-After"])
    assert 1 <= seconds <= 60
    return seconds


def exhaust(app: APIFlask, email: str, address: str = "198.51.100.1") -> TestResponse:
    """Try until told to wait; returns that answer."""
    for _ in range(FREE + 2):
        answer = try_in(app, email, address=address)
        if answer.status_code == 429:
            return answer
    raise AssertionError("never told to wait")


def test_who_guesses_is_told_to_wait(throttled: APIFlask, accounts: Accounts) -> None:
    email = accounts.add()
    for _ in range(FREE):
        assert try_in(throttled, email).status_code == 401
    assert_told_to_wait(exhaust(throttled, email))


def test_the_wait_doubles_up_to_a_minute(throttled: APIFlask, accounts: Accounts) -> None:
    email = accounts.add()
    exhaust(throttled, email)
    # Refused attempts count: whoever does not wait waits longer afterwards.
    for _ in range(12):
        try_in(throttled, email)
    wait_for(lambda: try_in(throttled, email).status_code == 401, "the end of a short wait")
    assert assert_told_to_wait(try_in(throttled, email)) > 30


def test_the_right_password_is_let_in_after_a_short_wait_and_starts_the_count_anew(
    throttled: APIFlask, accounts: Accounts
) -> None:
    email = accounts.add()
    seconds = assert_told_to_wait(exhaust(throttled, email))
    assert seconds <= 2
    assert_told_to_wait(try_in(throttled, email, PASSWORD))

    def enters() -> bool:
        return try_in(throttled, email, PASSWORD).status_code == 200

    wait_for(enters, "the owner let in")
    assert [try_in(throttled, email).status_code for _ in range(FREE)] == [401] * FREE


def test_another_account_and_another_address_are_not_concerned(
    throttled: APIFlask, accounts: Accounts
) -> None:
    one, other = accounts.add(), accounts.add()
    exhaust(throttled, one)
    assert try_in(throttled, other, PASSWORD).status_code == 200
    assert try_in(throttled, one, PASSWORD, "203.0.113.7").status_code == 200


def test_the_way_an_address_is_written_makes_no_difference(
    throttled: APIFlask, accounts: Accounts
) -> None:
    email = accounts.add()
    for written in (email, email.upper(), f" {email} "):
        assert try_in(throttled, written).status_code == 401
    assert_told_to_wait(exhaust(throttled, email.title()))


def test_a_hundred_attempts_at_once_are_a_hundred(throttled: APIFlask, accounts: Accounts) -> None:
    email = accounts.add()
    with ThreadPoolExecutor(20) as pool:
        found = list(pool.map(lambda _: try_in(throttled, email).status_code, range(100)))
    # Those that are free, and the one or the other for which the wait was over meanwhile.
    assert FREE <= found.count(401) <= FREE + 4
    assert found.count(401) + found.count(429) == 100


def test_one_address_may_not_try_account_after_account(
    other_app: MakeApp, accounts: Accounts
) -> None:
    app = other_app(login_attempts_per_address=4, channel=f"throttle-{time.monotonic_ns()}")
    found = [try_in(app, f"nobody-{number}@example.com").status_code for number in range(5)]
    assert found == [401] * 4 + [429]
    email = accounts.add()
    assert_told_to_wait(try_in(app, email, PASSWORD))
    assert try_in(app, email, PASSWORD, "203.0.113.8").status_code == 200


def test_many_addresses_together_are_bounded_and_cannot_keep_the_owner_out(
    throttled: APIFlask, accounts: Accounts
) -> None:
    email, home = accounts.add(), "203.0.113.20"
    assert try_in(throttled, email, PASSWORD, home).status_code == 200
    found = [
        try_in(throttled, email, address=f"198.51.100.{number}").status_code
        for number in range(5 * FREE + 2)
    ]
    # The owner's own first sign-in was a stranger's, too.
    assert found == [401] * (5 * FREE - 1) + [429] * 3
    assert_told_to_wait(try_in(throttled, email, PASSWORD, "192.0.2.1"))
    assert try_in(throttled, email, PASSWORD, home).status_code == 200


def test_neither_answer_nor_count_tells_whether_an_account_exists(
    throttled: APIFlask, accounts: Accounts
) -> None:
    known, unknown = accounts.add(), "nobody-at-all@example.com"

    def story(email: str) -> list[tuple[int, str, str | None]]:
        answers = [try_in(throttled, email) for _ in range(FREE + 3)]
        return [
            (each.status_code, each.get_json()["detail"], each.headers.get("Retry-After"))
            for each in answers
        ]

    assert [each[:2] for each in story(known)] == [each[:2] for each in story(unknown)]


def test_the_work_is_the_same_whether_an_account_exists(
    settings: Settings, accounts: Accounts
) -> None:
    hashed: list[str] = []

    def offload(function: Callable[..., Any], /, *args: Any) -> Any:
        hashed.append(function.__name__)
        return function(*args)

    changes = {"login_attempts_per_account": FREE, "channel": f"work-{time.monotonic_ns()}"}
    changed = settings.model_copy(update=changes)
    app = create_app(changed, default_services(changed, offload))

    def works(email: str) -> list[int]:
        counts = []
        for _ in range(FREE + 3):
            before = len(hashed)
            try_in(app, email)
            counts.append(len(hashed) - before)
        return counts

    # One for each attempt that is admitted (of which the first to wait opens the door), then none.
    assert works(accounts.add())[: FREE + 1] == works("nobody@example.com")[: FREE + 1]
    assert hashed.count("_verify") == len(hashed) >= 2 * (FREE + 1)
    assert len(hashed) < 2 * (FREE + 3)
    close(app)


def test_a_stolen_token_does_not_guess_the_present_password_without_end(
    throttled: APIFlask, user: Caller
) -> None:
    headers = {"Authorization": f"Bearer {user.tokens['access_token']}"}

    def change(present: str) -> TestResponse:
        body = {"present_password": present, "new_password": "a quite new password"}
        return throttled.test_client().patch("/v1/users/me", json=body, headers=headers)

    found = [change("wrong").status_code for _ in range(FREE + 3)]
    assert found[:FREE] == [422] * FREE
    assert_told_to_wait(change(PASSWORD))


def test_signing_in_again_and_again_with_the_right_password_is_no_attack(
    throttled: APIFlask, accounts: Accounts
) -> None:
    email = accounts.add()
    found = {try_in(throttled, email, PASSWORD).status_code for _ in range(3 * FREE)}
    assert found == {200}
