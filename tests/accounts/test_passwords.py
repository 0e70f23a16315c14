import os
import threading
from collections.abc import Callable
from typing import Any

import pytest
from argon2 import PasswordHasher

from app.accounts import passwords
from app.accounts.passwords import directly, hash_password, is_outdated, matches
from app.accounts.rules import checked_email, checked_password
from app.errors import InvalidInput


def test_a_hash_is_argon2id_of_at_least_the_floor_and_matches_its_password_only() -> None:
    made = hash_password("correct horse", directly)
    assert made.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert matches("correct horse", made, directly)
    assert not matches("Correct horse", made, directly)


def test_one_password_never_has_the_same_hash_twice() -> None:
    assert hash_password("same", directly) != hash_password("same", directly)


def test_nobody_has_the_password_of_the_unknown_user_and_asking_costs_as_much() -> None:
    called: list[str] = []

    def offload(function: Callable[..., Any], *args: Any) -> Any:
        called.append(args[0])
        return function(*args)

    assert not matches("anything", None, offload)
    assert len(called) == 1
    assert not is_outdated(called[0])  # the same memory and passes as any present hash


def test_a_hash_of_other_parameters_is_outdated_and_still_matches() -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash("old")
    assert is_outdated(weak)
    assert matches("old", weak, directly)
    assert not is_outdated(hash_password("old", directly))


def test_no_more_hashes_run_at_once_than_there_are_cores() -> None:
    cores = os.cpu_count() or 1
    one_too_many = threading.Barrier(cores + 1)
    met: list[bool] = []

    def offload(*_: Any) -> bool:
        try:
            one_too_many.wait(timeout=0.3)
            met.append(True)
        except threading.BrokenBarrierError:
            met.append(False)
        return False

    threads = [
        threading.Thread(target=matches, args=("x", None, offload)) for _ in range(cores + 1)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert met == [False] * (cores + 1)


def test_a_failed_hash_gives_its_place_back() -> None:
    def offload(*_: Any) -> Any:
        raise MemoryError

    for _ in range((os.cpu_count() or 1) + 1):
        with pytest.raises(MemoryError):
            passwords.hash_password("x", offload)
    assert hash_password("x", directly)


@pytest.mark.parametrize(
    "text", ["a@b", "a b@example.com", "@example.com", "a@exam\x00ple.com", ""]
)
def test_what_is_no_address_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        checked_email(text)
    assert list(refused.value.fields) == ["email"]


def test_an_address_has_one_spelling() -> None:
    assert checked_email(" User@EXAMPLE.com ") == "User@example.com"
    assert checked_email("administrator@test.com") == "administrator@test.com"


@pytest.mark.parametrize(
    "text", ["seven77", "x" * 201, "with\x00nul--", "half\ud800pair", "tab\tbed--"]
)
def test_an_unusable_password_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        checked_password(text, "new_password")
    assert list(refused.value.fields) == ["new_password"]


def test_a_password_may_be_any_text_of_eight_to_two_hundred_characters() -> None:
    for text in ("eight888", "pässwörd 🔑", "x" * 200):
        assert checked_password(text) == text
