"""HTTP requests in: one file a resource, guards in front, one place for errors."""

from typing import cast

from apiflask import APIFlask
from flask.json.provider import DefaultJSONProvider

from app.api import (
    auth,
    errors,
    health,
    jobs,
    limits,
    metrics,
    notifications,
    openapi,
    requests,
    schedules,
    sessions,
    uploads,
    users,
    waiting,
)
from app.api.forwarded import Forwarded
from app.api.handshakes import Handshakes
from app.api.headers import SecurityHeaders
from app.api.job_answers import AGAIN_HEADERS
from app.config import Settings

# What a page of another origin may read of an answer.
EXPOSED_HEADERS = [
    "Allow",
    "Accept-Ranges",
    "Content-Disposition",
    "Content-Range",
    "ETag",
    *AGAIN_HEADERS.values(),
    "Location",
    "Retry-After",
    limits.LEFT_HEADER,
    limits.POLICY_HEADER,
    requests.HEADER,
]

_BLUEPRINTS = (
    auth.blueprint,
    sessions.blueprint,
    users.blueprint,
    jobs.blueprint,
    schedules.blueprint,
    uploads.blueprint,
    notifications.blueprint,
    health.blueprint,
    metrics.blueprint,
)


def register(app: APIFlask, settings: Settings) -> None:
    """Add the routes, the request ids, the limits and the error answers to the app.

    Call it after `app.accounts.tokens.configure_tokens`, whose library's own answers it replaces.
    """
    app.url_map.merge_slashes = False  # an address has one spelling; no redirects to others
    app.json = requests.Json(app)
    # A form shows parameters in the order in which they are declared.
    cast(DefaultJSONProvider, app.json).sort_keys = False
    requests.register(app)
    metrics.register(app)
    health.register(app, settings)
    errors.register(app)
    limits.register(app, settings)
    waiting.register(app, settings)
    openapi.register(app)
    for blueprint in _BLUEPRINTS:
        app.register_blueprint(blueprint)


def enclose(app: APIFlask, settings: Settings) -> None:
    """Put around the app, Socket.IO included, what concerns every request; call it last."""
    inside = SecurityHeaders(Handshakes(requests.LogsFailures(app.wsgi_app)))
    # Assigned as Flask documents it; mypy sees a method.
    app.wsgi_app = Forwarded(inside, settings.trusted_proxies)  # type: ignore[method-assign]
