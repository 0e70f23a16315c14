"""Access tokens: signed, short-lived, and worth nothing once their session's row says so."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt as pyjwt
from flask import Flask
from flask_jwt_extended import create_access_token, decode_token
from flask_jwt_extended.exceptions import JWTExtendedException
from sqlalchemy import and_, func, select

from app.accounts import sessions
from app.accounts.models import Session, User
from app.accounts.permissions import Permission, permissions_of
from app.accounts.refresh_tokens import looks_like_refresh_token
from app.config import Settings
from app.errors import Unauthenticated
from app.extensions import jwt, transaction

ALGORITHM = "HS256"
AUDIENCE = "ringback"
ACCESS = "access"
HASH_PREFIX = 16  # hex digits; enough to tell the refresh tokens of one session apart


@dataclass(frozen=True)
class Identity:
    """Who calls, as the database knows it at this moment.

    Attributes:
        user_id: the user.
        session_id: the sign-in that the token belongs to.
        role: read from the user's row, not from the token.
        expires_at: when the token ends (UTC).
    """

    user_id: UUID
    session_id: UUID
    role: str
    expires_at: datetime

    def may(self, permission: Permission) -> bool:
        """Whether the caller's role holds this permission."""
        return permission in permissions_of(self.role)


def configure_tokens(app: Flask, settings: Settings) -> None:
    """Fix how the app signs and checks access tokens; reads `SECRET_KEY` of the app."""
    app.config.update(
        JWT_ALGORITHM=ALGORITHM,
        JWT_DECODE_ALGORITHMS=[ALGORITHM],
        JWT_ENCODE_AUDIENCE=AUDIENCE,
        JWT_DECODE_AUDIENCE=AUDIENCE,
        JWT_ACCESS_TOKEN_EXPIRES=timedelta(minutes=settings.access_token_minutes),
        JWT_TOKEN_LOCATION=["headers"],
    )
    jwt.init_app(app)


def issue_access(user_id: UUID, session_id: UUID, role: str, refresh_hash: str = "") -> str:
    """A new access token for a session; its life is the setting `access_token_minutes`.

    Args:
        refresh_hash: digest of the refresh token that is handed out with it. A request with the one
            shows that the other has arrived.
    """
    claims = {"sid": str(session_id), "role": role, "ref": refresh_hash[:HASH_PREFIX]}
    return str(create_access_token(identity=str(user_id), additional_claims=claims))


def verify_access(token: str) -> Identity:
    """Who holds this access token. Needs an app context; holds no connection afterwards.

    Raises:
        Unauthenticated: `token_missing`, `token_wrong_type` (a refresh token), `token_expired`,
            `token_invalid` (malformed, edited, foreign), or `token_revoked` (the session ended,
            or the user was disabled).
    """
    claims = _decode(token)
    try:
        user_id, session_id = UUID(str(claims["sub"])), UUID(str(claims["sid"]))
        expires_at = datetime.fromtimestamp(claims["exp"], UTC)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise _invalid() from error
    role = _present_role(user_id, session_id, str(claims.get("ref")))
    return Identity(user_id, session_id, role, expires_at)


def check_again(caller: Identity) -> Identity:
    """The caller as the database knows them by now; for who has waited since `verify_access`.

    Raises:
        Unauthenticated: `token_revoked`, the session has ended meanwhile.
    """
    nothing_new = ""  # the use of the token was noted when it was verified
    return replace(caller, role=_present_role(caller.user_id, caller.session_id, nothing_new))


def claimed_user(token: str) -> UUID | None:
    """Whose token this is by our own signature; the session is not looked at. For counting only."""
    try:
        return UUID(str(_decode(token)["sub"]))
    except (Unauthenticated, KeyError, ValueError):
        return None


def token_missing() -> Unauthenticated:
    """What to raise where a token is needed and none was sent."""
    return Unauthenticated(
        "This needs an access token: sign in, then send `Authorization: Bearer <token>`.",
        code="token_missing",
    )


def _decode(token: str) -> dict[str, Any]:
    if not token:
        raise token_missing()
    if looks_like_refresh_token(token):
        raise _wrong_type()
    try:
        claims: dict[str, Any] = decode_token(token)
    except pyjwt.ExpiredSignatureError as error:
        raise Unauthenticated(
            "The access token has expired: get a new one with the refresh token.",
            code="token_expired",
        ) from error
    # A token is foreign text: it may nest without end or hold what cannot be encoded.
    except (pyjwt.PyJWTError, JWTExtendedException, RecursionError, ValueError) as error:
        raise _invalid() from error
    if claims["type"] != ACCESS:
        raise _wrong_type()
    return claims


def _present_role(user_id: UUID, session_id: UUID, refresh_hash: str) -> str:
    came_with = func.left(Session.refresh_hash, HASH_PREFIX) == refresh_hash
    query = (
        select(User.role, and_(came_with, Session.is_unused).label("is_first_use"))
        .join(Session, Session.user_id == User.id)
        .where(Session.id == session_id, User.id == user_id, User.active)
        .where(Session.revoked_at.is_(None), Session.expires_at > func.now())
    )
    with transaction() as session:
        found = session.execute(query).one_or_none()
        if found is not None and found.is_first_use:
            sessions.note_use(session_id)
    if found is None:
        raise Unauthenticated("This sign-in has ended: sign in again.", code="token_revoked")
    return str(found.role)


def _invalid() -> Unauthenticated:
    return Unauthenticated(
        "The access token is not valid: sign in again to get a new one.", code="token_invalid"
    )


def _wrong_type() -> Unauthenticated:
    return Unauthenticated(
        "This is not an access token: send the `access_token` of the sign-in.",
        code="token_wrong_type",
    )
