"""What an access token must be to be believed; REST and the handshake ask the same function."""

import base64
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import jwt as pyjwt
import pytest
from apiflask import APIFlask
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import update

from app.accounts import sessions, users
from app.accounts.models import Role, Session, User
from app.accounts.tokens import Identity, issue_access, verify_access
from app.config import Settings
from app.errors import Unauthenticated
from app.extensions import db, transaction
from tests.support.in_process import Accounts, Caller


@pytest.fixture
def check(web_app: APIFlask) -> Callable[[str], Identity]:
    """`verify_access` in the app's context, which must not keep a connection."""

    def check(token: str) -> Identity:
        with web_app.app_context():
            try:
                return verify_access(token)
            finally:
                assert not db.session().in_transaction()

    return check


@pytest.fixture
def code_of(check: Callable[[str], Identity]) -> Callable[[str], str]:
    """The code with which a token is refused."""

    def code_of(token: str) -> str:
        with pytest.raises(Unauthenticated) as refused:
            check(token)
        return refused.value.code

    return code_of


@pytest.fixture
def forge(settings: Settings, user: Caller) -> Callable[..., str]:
    """Signs claims like those of the user's own token, changed; None drops a claim."""
    key = settings.secret_key.get_secret_value()
    mine = pyjwt.decode(user.tokens["access_token"], options={"verify_signature": False})

    def forge(algorithm: str | None = "HS256", key: str = key, **changes: Any) -> str:
        claims = {name: value for name, value in (mine | changes).items() if value is not None}
        return pyjwt.encode(claims, key, algorithm=algorithm)

    return forge


def test_a_token_says_who_calls_and_until_when(
    check: Callable[[str], Identity], user: Caller, settings: Settings
) -> None:
    identity = check(user.tokens["access_token"])
    assert identity.user_id == UUID(user.id)
    assert identity.session_id == UUID(user.tokens["session_id"])
    assert identity.role == "user"
    life = timedelta(minutes=settings.access_token_minutes)
    assert abs(identity.expires_at - datetime.now(UTC) - life) < timedelta(seconds=30)


def test_the_forgery_used_below_is_accepted_while_it_is_unchanged(
    check: Callable[[str], Identity], forge: Callable[..., str], user: Caller
) -> None:
    assert check(forge()).user_id == UUID(user.id)


def test_no_token_is_missing(code_of: Callable[[str], str]) -> None:
    assert code_of("") == "token_missing"


def test_an_expired_token_is_told_so(
    code_of: Callable[[str], str], forge: Callable[..., str]
) -> None:
    assert code_of(forge(exp=int(time.time()) - 1)) == "token_expired"


@pytest.mark.parametrize(
    "changes",
    [
        {"algorithm": "HS512"},
        {"algorithm": "none", "key": ""},
        {"key": "another key of more than enough bytes for it"},
        {"aud": "somebody-else"},
        {"aud": None},
        {"nbf": 2**32},
        {"exp": None},
        {"exp": 10**30},
        {"sub": None},
        {"sub": "not-a-uuid"},
        {"sid": None},
        {"sid": 7},
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_a_token_of_another_make_is_invalid(
    code_of: Callable[[str], str], forge: Callable[..., str], changes: dict[str, Any]
) -> None:
    assert code_of(forge(**changes)) == "token_invalid"


def test_an_edited_token_is_invalid(code_of: Callable[[str], str], user: Caller) -> None:
    head, body, signature = user.tokens["access_token"].split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    edited = json.dumps(claims | {"role": "admin"}).encode()
    body = base64.urlsafe_b64encode(edited).decode().rstrip("=")
    assert code_of(f"{head}.{body}.{signature}") == "token_invalid"


def test_a_refresh_token_is_of_the_wrong_type(
    code_of: Callable[[str], str], forge: Callable[..., str], user: Caller
) -> None:
    assert code_of(user.tokens["refresh_token"]) == "token_wrong_type"
    assert code_of(forge(type="refresh")) == "token_wrong_type"


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(min_size=1))
def test_no_text_at_all_breaks_the_check(code_of: Callable[[str], str], text: str) -> None:
    assert code_of(text) == "token_invalid"


def test_endlessly_nested_or_unencodable_tokens_are_invalid(code_of: Callable[[str], str]) -> None:
    nested = base64.urlsafe_b64encode(b"[" * 100_000).decode().rstrip("=")
    for token in (f"{nested}.{nested}.x", "\ud800.\ud800.\ud800", "a.b.c" * 10_000):
        assert code_of(token) == "token_invalid"


def test_a_token_of_no_session_or_of_another_users_is_revoked(
    web_app: APIFlask, code_of: Callable[[str], str], accounts: Accounts, user: Caller
) -> None:
    other = accounts.caller()
    with web_app.app_context():
        nobody = issue_access(uuid4(), uuid4(), "user")
        mixed = issue_access(UUID(user.id), UUID(other.tokens["session_id"]), "user")
    assert code_of(nobody) == "token_revoked"
    assert code_of(mixed) == "token_revoked"


def test_a_token_ends_with_its_session(
    web_app: APIFlask, code_of: Callable[[str], str], accounts: Accounts
) -> None:
    signed_out, expired = accounts.caller(), accounts.caller()
    with web_app.app_context():
        sessions.revoke(UUID(signed_out.id), UUID(signed_out.tokens["session_id"]))
        with transaction() as session:
            session.execute(
                update(Session)
                .where(Session.user_id == UUID(expired.id))
                .values(expires_at=datetime.now(UTC))
            )
    assert code_of(signed_out.tokens["access_token"]) == "token_revoked"
    assert code_of(expired.tokens["access_token"]) == "token_revoked"


def test_a_disabled_user_is_refused_at_once_even_if_a_session_was_left_open(
    web_app: APIFlask, code_of: Callable[[str], str], user: Caller
) -> None:
    session_id = UUID(user.tokens["session_id"])
    with web_app.app_context():
        with transaction() as session:
            session.execute(update(User).where(User.id == UUID(user.id)).values(active=False))
        assert sessions.live_sessions({session_id}) == set()
    assert code_of(user.tokens["access_token"]) == "token_revoked"


def test_the_role_is_the_rows_not_the_tokens(
    web_app: APIFlask, check: Callable[[str], Identity], user: Caller
) -> None:
    with web_app.app_context():
        users.change(UUID(user.id), role=Role.ADMIN)
    assert check(user.tokens["access_token"]).role == "admin"
