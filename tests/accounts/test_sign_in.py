"""Signing in and refreshing, with the races that a fast client cannot show."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from apiflask import APIFlask
from argon2 import PasswordHasher
from sqlalchemy import func, select, update

from app.accounts import sessions, users
from app.accounts.models import Session, User
from app.accounts.passwords import directly, is_outdated
from app.accounts.sign_in import RefreshReused, SignedIn, refresh, sign_in
from app.accounts.tokens import verify_access
from app.config import Settings
from app.errors import Unauthenticated
from app.extensions import db, transaction
from tests.support.in_process import PASSWORD, Accounts


@pytest.fixture(autouse=True)
def in_app(web_app: APIFlask) -> Iterator[None]:
    with web_app.app_context():
        yield


class Recorder:
    """An `offload` that counts, and that does something once beside the first work."""

    def __init__(self, beside: Callable[[], object] = lambda: None) -> None:
        self.works: list[str] = []
        self._beside: Callable[[], object] | None = beside

    def __call__(self, function: Callable[..., Any], *args: Any) -> Any:
        self.works.append(function.__name__)
        assert db.engine.pool.checkedout() == 0, "a connection is held while hashing"  # type: ignore[attr-defined]
        beside, self._beside = self._beside, None
        if beside:
            beside()
            db.session.remove()
        return function(*args)


def change(user_id: UUID, **values: Any) -> None:
    with transaction() as session:
        session.execute(update(User).where(User.id == user_id).values(**values))


def change_session(session_id: UUID, **values: Any) -> None:
    with transaction() as session:
        session.execute(update(Session).where(Session.id == session_id).values(**values))


def age_answer(session_id: UUID, age: timedelta) -> None:
    """The present tokens were handed out so long ago, and nothing was heard of them since."""
    then = func.now() - age
    change_session(session_id, rotated_at=then, last_used_at=then)


def id_of(email: str) -> UUID:
    with transaction():
        user = users.find(email)
    assert user is not None
    return user.id


def code_of(call: Callable[..., object], *args: Any, **options: Any) -> str:
    with pytest.raises(Unauthenticated) as refused:
        call(*args, **options)
    return refused.value.code


@pytest.fixture
def enter(settings: Settings, accounts: Accounts) -> Callable[..., SignedIn]:
    """Signs a user in; a new one unless an address is given."""

    def enter(email: str = "", password: str = PASSWORD, offload: Any = directly) -> SignedIn:
        address = email or accounts.add()
        return sign_in(address, password, "test", settings=settings, offload=offload)

    return enter


@pytest.fixture
def renew(settings: Settings) -> Callable[..., SignedIn]:
    def renew(token: str, **changes: Any) -> SignedIn:
        return refresh(token, settings=settings.model_copy(update=changes))

    return renew


def test_unknown_wrong_and_disabled_are_the_same_answer_and_the_same_work(
    enter: Callable[..., SignedIn], accounts: Accounts
) -> None:
    known, disabled = accounts.add(), accounts.add()
    change(id_of(disabled), active=False)
    seen = set()
    for email, password in (
        ("nobody@example.com", PASSWORD),
        ("not an address", PASSWORD),
        (known, "wrong"),
        (disabled, PASSWORD),
        (disabled, "wrong"),
    ):
        recorder = Recorder()
        with pytest.raises(Unauthenticated) as refused:
            enter(email, password, recorder)
        seen.add((refused.value.code, refused.value.message, *recorder.works))
    assert seen == {("invalid_credentials", "The address or the password is wrong.", "_verify")}


def test_the_case_of_an_address_does_not_matter(
    enter: Callable[..., SignedIn], accounts: Accounts
) -> None:
    email = accounts.add()
    assert enter(f" {email.upper()} ").user.email == email


def test_signing_in_renews_an_outdated_hash(
    enter: Callable[..., SignedIn], accounts: Accounts
) -> None:
    email = accounts.add()
    weak = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    change(id_of(email), password_hash=weak)
    recorder = Recorder()
    renewed = enter(email, PASSWORD, recorder).user.password_hash
    assert recorder.works == ["_verify", "hash"]
    assert not is_outdated(renewed)
    assert enter(email).user.password_hash == renewed


def test_two_that_renew_an_outdated_hash_at_once_both_get_in(
    enter: Callable[..., SignedIn], accounts: Accounts
) -> None:
    email = accounts.add()
    weak = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(PASSWORD)
    change(id_of(email), password_hash=weak)
    assert enter(email, PASSWORD, Recorder(beside=lambda: enter(email))).session_id


def test_who_is_disabled_during_the_check_does_not_get_in(
    enter: Callable[..., SignedIn], accounts: Accounts
) -> None:
    email = accounts.add()
    disable = Recorder(beside=lambda: users.change(id_of(email), active=False))
    assert code_of(enter, email, PASSWORD, disable) == "invalid_credentials"


def test_a_password_that_is_replaced_during_the_check_does_not_get_in(
    enter: Callable[..., SignedIn], accounts: Accounts
) -> None:
    email = accounts.add()
    signed_in = enter(email)

    def replace() -> None:
        users.change_password(
            signed_in.user.id, signed_in.session_id, PASSWORD, "another one", offload=directly
        )

    assert code_of(enter, email, PASSWORD, Recorder(beside=replace)) == "invalid_credentials"


def test_a_refresh_gives_the_next_token_and_prolongs_the_session(
    enter: Callable[..., SignedIn], renew: Callable[..., SignedIn]
) -> None:
    signed_in = enter()
    change_session(signed_in.session_id, expires_at=func.now() + timedelta(minutes=1))
    renewed = renew(signed_in.refresh_token)
    assert renewed.session_id == signed_in.session_id
    assert renewed.refresh_token != signed_in.refresh_token
    assert renew(renewed.refresh_token).refresh_token != renewed.refresh_token
    left = select(Session.expires_at - func.now()).where(Session.id == signed_in.session_id)
    assert (db.session.scalar(left) or timedelta()) > timedelta(days=29)


def test_a_lost_answer_can_be_asked_for_again(
    enter: Callable[..., SignedIn], renew: Callable[..., SignedIn]
) -> None:
    token = enter().refresh_token
    lost, again = renew(token), renew(token)
    assert again.refresh_token == lost.refresh_token
    assert renew(again.refresh_token).refresh_token


def test_parallel_refreshes_of_one_token_all_get_the_same_next_one_which_works(
    web_app: APIFlask, enter: Callable[..., SignedIn], renew: Callable[..., SignedIn]
) -> None:
    token = enter().refresh_token

    def one(_: int) -> str:
        with web_app.app_context():
            return renew(token).refresh_token

    with ThreadPoolExecutor(8) as pool:
        tokens = set(pool.map(one, range(8)))
    assert len(tokens) == 1
    change_session(UUID(token[:36]), rotated_at=func.now() - timedelta(hours=1))
    assert renew(tokens.pop()).refresh_token


def test_a_token_that_comes_back_after_the_grace_ends_the_session(
    enter: Callable[..., SignedIn], renew: Callable[..., SignedIn]
) -> None:
    first = enter()
    second = renew(first.refresh_token)
    age_answer(first.session_id, timedelta(seconds=11))
    verify_access(second.access_token)
    with pytest.raises(RefreshReused) as reused:
        renew(first.refresh_token)
    assert reused.value.code == "refresh_reused"
    assert reused.value.user_id == first.user.id
    assert sessions.live_sessions({first.session_id}) == set()
    assert code_of(renew, second.refresh_token) == "token_revoked"
    assert code_of(renew, first.refresh_token) == "token_revoked"


def test_without_grace_the_second_use_ends_the_session_at_once(
    enter: Callable[..., SignedIn], renew: Callable[..., SignedIn]
) -> None:
    token = enter().refresh_token
    verify_access(renew(token).access_token)
    assert code_of(renew, token, refresh_grace_seconds=0) == "refresh_reused"


def test_a_lost_answer_is_given_again_however_late(
    enter: Callable[..., SignedIn], renew: Callable[..., SignedIn]
) -> None:
    first = enter()
    lost = renew(first.refresh_token)
    age_answer(first.session_id, timedelta(days=1))
    verify_access(first.access_token)  # the one before shows nothing
    again = renew(first.refresh_token)
    assert again.refresh_token == lost.refresh_token
    verify_access(again.access_token)
    assert code_of(renew, first.refresh_token) == "refresh_reused"


def test_a_next_token_that_was_used_shows_that_its_answer_arrived(
    enter: Callable[..., SignedIn], renew: Callable[..., SignedIn]
) -> None:
    first = enter()
    second = renew(first.refresh_token)
    third = renew(second.refresh_token)
    age_answer(first.session_id, timedelta(days=1))
    assert renew(second.refresh_token).refresh_token == third.refresh_token
    assert code_of(renew, first.refresh_token) == "refresh_reused"


def test_the_token_before_the_previous_one_has_no_grace(
    enter: Callable[..., SignedIn], renew: Callable[..., SignedIn]
) -> None:
    token = enter().refresh_token
    renew(renew(token).refresh_token)
    assert code_of(renew, token) == "refresh_reused"


def test_a_made_up_token_of_a_real_session_does_no_harm(
    enter: Callable[..., SignedIn], renew: Callable[..., SignedIn]
) -> None:
    signed_in = enter()
    assert code_of(renew, f"{signed_in.session_id}.{'A' * 43}") == "refresh_invalid"
    assert renew(signed_in.refresh_token).session_id == signed_in.session_id


def test_an_expired_session_and_a_disabled_user_cannot_refresh(
    enter: Callable[..., SignedIn], renew: Callable[..., SignedIn]
) -> None:
    expired, disabled = enter(), enter()
    change_session(expired.session_id, expires_at=func.now())
    change(disabled.user.id, active=False)
    assert code_of(renew, expired.refresh_token) == "token_revoked"
    assert code_of(renew, disabled.refresh_token) == "token_revoked"


def test_the_database_never_holds_a_refresh_token(enter: Callable[..., SignedIn]) -> None:
    signed_in = enter()
    query = select(Session.refresh_hash).where(Session.id == signed_in.session_id)
    kept = db.session.scalar(query)
    assert kept is not None
    assert len(kept) == 64
    assert signed_in.refresh_token.split(".")[1] not in kept
