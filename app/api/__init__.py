"""HTTP requests in: one file a resource, guards in front, one place for errors."""

from apiflask import APIFlask

from app.api import auth, errors, health, jobs, notifications, requests, sessions, users

# What a page of another origin may read of an answer.
EXPOSED_HEADERS = [
    "Allow",
    "Accept-Ranges",
    "Content-Disposition",
    "Content-Range",
    "ETag",
    "Location",
    "Retry-After",
    requests.HEADER,
]

_BLUEPRINTS = (
    auth.blueprint,
    sessions.blueprint,
    users.blueprint,
    jobs.blueprint,
    notifications.blueprint,
    health.blueprint,
)


def register(app: APIFlask) -> None:
    """Add the routes, the request ids and the error answers to the app.

    Call it after `app.accounts.tokens.configure_tokens`, whose library's own answers it replaces.
    """
    requests.register(app)
    errors.register(app)
    for blueprint in _BLUEPRINTS:
        app.register_blueprint(blueprint)
