"""Guessing passwords: slowed down, told how long to wait, and no account is ever locked."""

import time
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import redis
from apiflask import APIFlask
from sqlalchemy import text
from werkzeug.test import TestResponse

from app.accounts import users
from app.accounts.passwords import directly
from app.accounts.permissions import Role
from app.api import throttle
from app.config import Settings
from app.extensions import db
from app.factory import create_app, default_services
from app.services import services
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
    """Try until told to wait; returns that answer.

    Each attempt that comes after a wait doubles it: even a slow machine is in time for one of them.
    """
    for _ in range(FREE + 14):
        answer = try_in(app, email, address=address)
        if answer.status_code == 429:
            return answer
    raise AssertionError("never told to wait")


def close_for_long(attempt: Callable[[], TestResponse]) -> None:
    """Try until the wait is so long that what a test does next is within it, on any machine."""
    wait_for(lambda: int(attempt().headers.get("Retry-After", 0)) > 30, "a long wait", 90)


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
    # Of a short one; but on a slow machine one of the twelve has begun the longest.
    wait_for(lambda: try_in(throttled, email).status_code == 401, "the end of a wait", 90)
    assert assert_told_to_wait(try_in(throttled, email)) > 30


def test_the_right_password_is_let_in_after_a_short_wait_and_starts_the_count_anew(
    throttled: APIFlask, accounts: Accounts
) -> None:
    email = accounts.add()

    def right_one_waits_too() -> bool:
        assert assert_told_to_wait(exhaust(throttled, email)) <= 8
        return try_in(throttled, email, PASSWORD).status_code == 429

    def enters() -> bool:
        return try_in(throttled, email, PASSWORD).status_code == 200

    wait_for(right_one_waits_too, "an attempt that came before the wait was over")
    wait_for(enters, "the owner let in", 90)
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
    close_for_long(lambda: try_in(throttled, email))
    for written in (email, email.upper(), f" {email} ", email.title()):
        assert_told_to_wait(try_in(throttled, written))


@pytest.mark.parametrize(("letter", "other"), [("i", "İ"), ("k", "\N{KELVIN SIGN}")])
def test_a_letter_that_is_the_same_to_the_database_is_the_same_to_the_count(
    throttled: APIFlask, letter: str, other: str
) -> None:
    email = f"{letter}-{time.monotonic_ns()}@example.com"
    with throttled.app_context():
        users.create(email, PASSWORD, Role.USER, offload=directly)
    written = email.replace(letter, other, 1)
    assert try_in(throttled, written, PASSWORD).status_code == 200  # in this database it is
    close_for_long(lambda: try_in(throttled, email))
    assert_told_to_wait(try_in(throttled, written, PASSWORD))


def test_no_letter_is_the_same_to_the_database_and_another_to_the_count(
    throttled: APIFlask,
) -> None:
    query = text("SELECT letter, lower(letter) FROM unnest(:letters) AS letter")
    known = [chr(n) for n in range(1, 0x110000) if unicodedata.category(chr(n))[0] != "C"]
    with throttled.app_context():
        pairs = db.session.execute(query, {"letters": known}).all()
    changed = [(one, small) for one, small in pairs if one != small]
    assert len(changed) > 1000
    folds = [
        (throttle._normal(f"x{one}x"), throttle._normal(f"x{small}x")) for one, small in changed
    ]
    assert [pair for pair in folds if pair[0] != pair[1]] == []


@pytest.mark.parametrize(("one", "other"), [("ß", "ss"), ("ſ", "s")])
def test_a_sign_in_to_one_account_forgives_no_guess_at_an_account_of_a_similar_name(
    throttled: APIFlask, one: str, other: str
) -> None:
    number = time.monotonic_ns()
    target, own = f"{one}-{number}@example.com", f"{other}-{number}@example.com"
    with throttled.app_context():
        for email in (target, own):
            users.create(email, PASSWORD, Role.USER, offload=directly)
    close_for_long(lambda: try_in(throttled, target))
    assert try_in(throttled, own, PASSWORD).status_code == 200
    assert_told_to_wait(try_in(throttled, target))


def test_an_address_is_remembered_from_the_last_sign_in_on(
    throttled: APIFlask, accounts: Accounts
) -> None:
    email = accounts.add()
    assert try_in(throttled, email, PASSWORD).status_code == 200
    with throttled.app_context():
        settings = services().settings
    with redis.Redis.from_url(settings.redis_url.get_secret_value()) as client:
        (key,) = client.scan_iter(f"*{settings.channel}*/known*")
        whole = settings.refresh_token_days * 24 * 3600
        assert whole - 600 < client.ttl(key) <= whole
        client.expire(key, 1000)  # as if almost all of the time had passed
        assert try_in(throttled, email, PASSWORD).status_code == 200
        assert whole - 600 < client.ttl(key) <= whole


def test_a_hundred_attempts_at_once_are_a_hundred(throttled: APIFlask, accounts: Accounts) -> None:
    email = accounts.add()
    with ThreadPoolExecutor(20) as pool:
        found = list(pool.map(lambda _: try_in(throttled, email).status_code, range(100)))
    # Those that are free, and the one or the other for which the wait was over meanwhile.
    assert FREE <= found.count(401) <= FREE + 7
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

    def story(email: str) -> list[tuple[int, str]]:
        # The one that opens the first wait is the last whose answer does not depend on the clock.
        answers = [try_in(throttled, email) for _ in range(FREE + 1)]
        answers.append(exhaust(throttled, email))
        return [(each.status_code, each.get_json()["detail"]) for each in answers]

    assert story(known) == story(unknown)


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
        counts: list[int] = []
        while 0 not in counts and len(counts) < FREE + 14:
            before = len(hashed)
            try_in(app, email)
            counts.append(len(hashed) - before)
        return counts

    # One for each attempt that is admitted (of which the first to wait opens the door), then none.
    known, unknown = works(accounts.add()), works("nobody@example.com")
    assert known[: FREE + 1] == unknown[: FREE + 1] == [1] * (FREE + 1)
    assert known[-1] == unknown[-1] == 0
    assert hashed.count("_verify") == len(hashed)
    close(app)


def test_a_stolen_token_does_not_guess_the_present_password_without_end(
    throttled: APIFlask, user: Caller
) -> None:
    headers = {"Authorization": f"Bearer {user.tokens['access_token']}"}

    def change(present: str) -> TestResponse:
        body = {"present_password": present, "new_password": "a quite new password"}
        return throttled.test_client().patch("/v1/users/me", json=body, headers=headers)

    assert [change("wrong").status_code for _ in range(FREE)] == [422] * FREE
    close_for_long(lambda: change("wrong"))
    assert_told_to_wait(change(PASSWORD))


def test_signing_in_again_and_again_with_the_right_password_is_no_attack(
    throttled: APIFlask, accounts: Accounts
) -> None:
    email = accounts.add()
    found = {try_in(throttled, email, PASSWORD).status_code for _ in range(3 * FREE)}
    assert found == {200}
