"""Signing in, and staying signed in: from a password to a session, from one token to the next."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select

from app.accounts import users
from app.accounts.models import Session, User
from app.accounts.passwords import Offload, hash_password, is_outdated, matches
from app.accounts.refresh_tokens import RefreshToken
from app.accounts.tokens import issue_access
from app.config import Settings
from app.errors import Unauthenticated
from app.extensions import db, new_id, transaction

REUSED = "refresh_reused"


class RefreshReused(Unauthenticated):
    """A refresh token came a second time: it is in two hands, so its session has ended.

    Attributes:
        user_id: whose sockets must be told.
    """

    code = REUSED

    def __init__(self, user_id: UUID) -> None:
        super().__init__("This refresh token was used before. Its session ended: sign in again.")
        self.user_id = user_id


@dataclass(frozen=True)
class SignedIn:
    """What a client needs to stay signed in.

    Attributes:
        access_token: see `app.accounts.tokens`.
        refresh_token: good for one refresh.
        session_id: the session of both.
        user: whose they are.
    """

    access_token: str
    refresh_token: str
    session_id: UUID
    user: User


def sign_in(
    email: str, password: str, device: str, *, settings: Settings, offload: Offload
) -> SignedIn:
    """Open a session.

    Unknown address, wrong password and disabled user are not told apart, neither by the answer nor
    by the work that is done.

    Args:
        device: a name that the user will recognise in the list of sessions.
        offload: runs a function in a real thread.

    Raises:
        Unauthenticated: `invalid_credentials`.
    """
    # The second turn is for a row that changed between the check and the session: another sign-in
    # may have renewed an outdated hash, which makes this one no worse.
    for _ in range(2):
        with transaction():
            user = users.find(email.strip())
        known_hash = user.password_hash if user and user.active else None
        if not matches(password, known_hash, offload) or user is None or known_hash is None:
            break
        new_hash = hash_password(password, offload) if is_outdated(known_hash) else known_hash
        if signed_in := _open_session(user.id, known_hash, new_hash, device, settings):
            return signed_in
    raise Unauthenticated("The address or the password is wrong.", code="invalid_credentials")


def _open_session(
    user_id: UUID, known_hash: str, new_hash: str, device: str, settings: Settings
) -> SignedIn | None:
    """Open a session; `None` if the user was disabled or the password changed since the check."""
    token = RefreshToken.first(new_id())
    with transaction():
        query = select(User).where(User.id == user_id, User.active).with_for_update(key_share=True)
        user = db.session.scalar(query.execution_options(populate_existing=True))
        if user is None or user.password_hash != known_hash:
            return None
        user.password_hash = new_hash
        db.session.add(
            Session(
                id=token.session_id,
                user_id=user_id,
                device_name=device,
                refresh_hash=token.digest(),
                expires_at=func.now() + _life(settings),
            )
        )
    return _signed_in(user, token, settings)


def refresh(text: str, *, settings: Settings) -> SignedIn:
    """Exchange a refresh token for an access token and the next refresh token.

    Two requests that bring the same token within `refresh_grace_seconds`, or one that repeats a lost
    answer however late, get the same next token. An answer counts as lost until one of its tokens is
    used.

    Raises:
        Unauthenticated: `refresh_invalid`, or `token_revoked` when the session has ended.
        RefreshReused: see there.
    """
    token = RefreshToken.parse(text, _key(settings))
    with transaction():
        session, user, now = _locked_session(token.session_id)
        next_token = _next(token, session, now, settings)
        if next_token is None:
            session.revoked_at, session.revoked_reason = now, REUSED
    if next_token is None:
        raise RefreshReused(user.id)
    return _signed_in(user, next_token, settings)


def _locked_session(session_id: UUID) -> tuple[Session, User, datetime]:
    query = (
        select(Session, User, func.now())
        .join(User, User.id == Session.user_id)
        .where(Session.id == session_id, User.active)
        .where(Session.revoked_at.is_(None), Session.expires_at > func.now())
        .with_for_update(of=Session, key_share=True)
        .execution_options(populate_existing=True)
    )
    found = db.session.execute(query).one_or_none()
    if found is None:
        raise Unauthenticated("This sign-in has ended: sign in again.", code="token_revoked")
    session, user, now = found
    return session, user, now


def _next(
    token: RefreshToken, session: Session, now: datetime, settings: Settings
) -> RefreshToken | None:
    """The token to hand out, and the row brought up to it; `None` for a token used before."""
    successor = token.successor(_key(settings))
    if token.digest() == session.refresh_hash:
        session.previous_refresh_hash = session.refresh_hash
        session.refresh_hash = successor.digest()
        session.rotated_at = session.last_used_at = now
        session.expires_at = now + _life(settings)
        return successor
    grace = timedelta(seconds=settings.refresh_grace_seconds)
    is_good = session.is_unused or now - session.rotated_at <= grace
    return successor if is_good and token.digest() == session.previous_refresh_hash else None


def _signed_in(user: User, token: RefreshToken, settings: Settings) -> SignedIn:
    access = issue_access(user.id, token.session_id, user.role, token.digest())
    return SignedIn(access, token.text(_key(settings)), token.session_id, user)


def _life(settings: Settings) -> timedelta:
    return timedelta(days=settings.refresh_token_days)


def _key(settings: Settings) -> bytes:
    return settings.secret_key.get_secret_value().encode()
