"""The web app inside the test's own process, on a real database and a real Valkey.

A `conftest.py` imports the fixtures that its tests use.
"""

import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.accounts import users
from app.accounts.passwords import directly
from app.accounts.permissions import Role
from app.api.limits import counters
from app.config import Settings
from app.extensions import db
from app.factory import create_app, create_core
from app.migrate import migrate
from app.standalone.servers import Servers
from tests.support.database import create_database

PASSWORD = "a long enough password"


class Caller:
    """REST calls as one signed-in user, over a client without cookies of others.

    Args:
        http: a client of its own.
        email: whose sign-in.
    """

    def __init__(self, http: FlaskClient, email: str, password: str = PASSWORD) -> None:
        self.http, self.email = http, email
        answer = http.post("/v1/login", json={"email": email, "password": password})
        assert answer.status_code == 200, answer.text
        self.tokens: dict[str, Any] = answer.get_json()
        self.id = str(self.tokens["user"]["id"])

    def call(self, method: str, path: str, **options: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.tokens['access_token']}"}
        headers |= options.pop("headers", {})
        return self.http.open(path, method=method, headers=headers, **options)

    def ok(self, method: str, path: str, **options: Any) -> Any:
        """The answer's JSON, of a call that succeeded."""
        answer = self.call(method, path, **options)
        assert answer.status_code < 400, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.get_json()

    def refresh(self, token: str | None = None) -> TestResponse:
        """With the sign-in's own refresh token, or another."""
        body = {"refresh_token": token or self.tokens["refresh_token"]}
        return self.http.post("/v1/refresh", json=body)


class Accounts:
    """Makes users for tests.

    Args:
        app: whose users.
    """

    def __init__(self, app: APIFlask) -> None:
        self.app = app

    def add(self, role: Role = Role.USER) -> str:
        """A new user with the password `PASSWORD`; returns the address."""
        email = f"{role}-{secrets.token_hex(6)}@example.com"
        with self.app.app_context():
            users.create(email, PASSWORD, role, offload=directly)
        return email

    def caller(self, role: Role = Role.USER) -> Caller:
        """A new user, signed in."""
        return self.again(self.add(role))

    def again(self, email: str, password: str = PASSWORD) -> Caller:
        """The same user on one more device."""
        return Caller(self.app.test_client(), email, password)


def make_settings(servers: Servers, database_url: str, **changes: Any) -> Settings:
    """Settings of a development set-up on these servers."""
    basis = {
        "environment": "development",
        "secret_key": servers.secret_key(),
        "database_url": database_url,
        "redis_url": servers.valkey.url,
        "channel": f"test-{secrets.token_hex(4)}",
        # A whole run comes from one address; what tests the limits sets its own.
        "requests_per_minute": 1_000_000,
        "login_attempts_per_account": 1_000_000,
        "login_attempts_per_address": 1_000_000,
    }
    return Settings.load(**(basis | changes))


def close(app: APIFlask) -> None:
    """Give the app's connections back to the system."""
    with app.app_context():
        counters().close()
        db.engine.dispose()


@pytest.fixture(scope="session")
def settings(servers: Servers) -> Settings:
    """Settings on a migrated database of its own."""
    settings = make_settings(servers, create_database(servers))
    core = create_core(settings, role="migrate")
    migrate(core)
    with core.app_context():
        db.engine.dispose()
    return settings


@pytest.fixture(scope="session")
def web_app(settings: Settings) -> Iterator[APIFlask]:
    app = create_app(settings)
    yield app
    close(app)


@pytest.fixture
def other_app(settings: Settings) -> Iterator[Callable[..., APIFlask]]:
    """Makes an app on the same database with other settings."""
    made = []

    def make(**changes: Any) -> APIFlask:
        app = create_app(settings.model_copy(update=changes))
        made.append(app)
        return app

    yield make
    for app in made:
        close(app)


@pytest.fixture
def accounts(web_app: APIFlask) -> Accounts:
    return Accounts(web_app)


@pytest.fixture
def http(web_app: APIFlask) -> FlaskClient:
    """A caller who is not signed in."""
    return web_app.test_client()


@pytest.fixture
def user(accounts: Accounts) -> Caller:
    return accounts.caller()


@pytest.fixture
def admin(accounts: Accounts) -> Caller:
    return accounts.caller(Role.ADMIN)
