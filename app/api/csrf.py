"""The refresh token in a cookie, for pages, and the guard against foreign pages that goes with it.

A browser sends the cookie by itself, so a refresh with it must also carry a value that only our own
page was given: an HMAC of the session's id.
"""

import hmac
from uuid import UUID

from flask import Response, request

from app.accounts.refresh_tokens import RefreshToken
from app.errors import PermissionDenied
from app.services import services

HEADER = "X-CSRF-Token"
PATH = "/v1"


def cookie_name() -> str:
    """The cookie's name; the prefix makes a browser insist on HTTPS."""
    development = services().settings.is_development
    return "ringback_refresh" if development else "__Secure-ringback_refresh"


def set_cookie(response: Response, refresh_token: str) -> None:
    """Hand the refresh token to the browser, out of reach of scripts and of foreign pages."""
    settings = services().settings
    response.set_cookie(
        cookie_name(),
        refresh_token,
        max_age=settings.refresh_token_days * 24 * 3600,
        path=PATH,
        secure=not settings.is_development,
        httponly=True,
        samesite="Strict",
    )


def clear_cookie(response: Response) -> None:
    """Take the refresh token from the browser."""
    secure = not services().settings.is_development
    response.delete_cookie(
        cookie_name(), path=PATH, secure=secure, httponly=True, samesite="Strict"
    )


def token_of(session_id: UUID) -> str:
    """The value that a page of this session sends as `X-CSRF-Token`."""
    message = b"ringback csrf " + session_id.bytes
    return hmac.digest(_key(), message, "sha256").hex()


def refresh_token_of_cookie() -> str | None:
    """The refresh token of the request's cookie, `None` without one.

    Raises:
        Unauthenticated: it is not a refresh token of this server.
        PermissionDenied: `csrf_failed`, the header is missing or belongs to another session.
    """
    text = request.cookies.get(cookie_name())
    if text is None:
        return None
    session_id = RefreshToken.parse(text, _key()).session_id
    sent = request.headers.get(HEADER, "")
    if not hmac.compare_digest(sent.encode(), token_of(session_id).encode()):
        raise PermissionDenied(
            f"A refresh by cookie needs the `csrf_token` of the sign-in as `{HEADER}`.",
            code="csrf_failed",
        )
    return text


def _key() -> bytes:
    return services().settings.secret_key.get_secret_value().encode()
