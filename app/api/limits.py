"""How many requests a minute one user may make, or one address without a user.

Counts calls of the API; pages, their files and the health routes cost next to nothing.
"""

from flask import Flask, Response, current_app, g, request

from app.accounts.tokens import claimed_user
from app.api import callers
from app.api.counters import Counters
from app.config import Settings
from app.errors import TooManyRequests
from app.services import services

EXTENSION = "ringback-counters"
PREFIX = "/v1/"
WINDOW_SECONDS = 60
POLICY_HEADER = "RateLimit-Policy"
LEFT_HEADER = "RateLimit"


def register(app: Flask, settings: Settings) -> None:
    """Count and limit the requests of the app."""
    app.extensions[EXTENSION] = Counters(
        settings.redis_url.get_secret_value(),
        settings.channel,
        settings.redis_timeout_seconds,
        settings.secret_key.get_secret_value().encode(),
    )
    app.before_request(_limit)
    app.after_request(_say_what_is_left)


def counters() -> Counters:
    """The counters of the current app."""
    found: Counters = current_app.extensions[EXTENSION]
    return found


def _limit() -> None:
    """Count first: whatever the request costs, it costs nothing once the limit is reached."""
    # A browser's own question whether it may ask (OPTIONS) carries no token.
    if not request.path.startswith(PREFIX) or request.method == "OPTIONS":
        return
    key = f"requests/{_caller()}"
    limit = services().settings.requests_per_minute
    count = counters().count(key, WINDOW_SECONDS)
    g.requests_left = max(0, limit - count)
    if count > limit:
        raise TooManyRequests(
            f"More than {limit:,} requests in a minute. Wait as long as `Retry-After` says.",
            counters().seconds_left(key),
        )


def _caller() -> str:
    """Whose token it is by its signature; whether it still counts is the guard's question."""
    authorization = request.authorization
    token = authorization.token if authorization and authorization.type == "bearer" else None
    user_id = claimed_user(token) if token else None
    return f"user/{user_id}" if user_id else f"address/{counters().hide(callers.address())}"


def _say_what_is_left(response: Response) -> Response:
    if "requests_left" in g:
        limit = services().settings.requests_per_minute
        response.headers[POLICY_HEADER] = f'"requests";q={limit};w={WINDOW_SECONDS}'
        response.headers[LEFT_HEADER] = f'"requests";r={g.requests_left}'
    return response
