"""One set-up in containers, shared by the run. Without COMPOSE nothing here is collected.

Each test leaves it healthy and with one replica of each service.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.browser.conftest import browser, context, open_tab  # noqa: F401  # fixtures
from tests.compose.engine import Compose
from tests.support.api import Api
from tests.support.stack import ADMIN

URL = "http://localhost:5005"


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    return None if os.environ.get("COMPOSE") else True


class Composed(Compose):
    """The development set-up.

    Attributes:
        url: address of the proxy.
    """

    url = URL

    def __init__(self) -> None:
        super().__init__(os.environ.get("COMPOSE_PROJECT_NAME", "ringback-test"))
        self.admin: Api | None = None

    def new_user(self) -> Api:
        """A user whom no other test knows, signed in."""
        self.admin = self.admin or Api(self.url, *ADMIN)
        email, password = f"{uuid4().hex}@test.com", "a long password"
        self.admin.ok("POST", "/v1/users", json={"email": email, "password": password})
        return Api(self.url, email, password)


@pytest.fixture(scope="session")
def composed() -> Iterator[Composed]:
    composed = Composed()
    try:
        composed.up("--build")
        yield composed
    finally:
        composed.down()


@pytest.fixture
def user(composed: Composed) -> Api:
    return composed.new_user()
