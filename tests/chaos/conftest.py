"""The web app in the test's own process, for what sessions tell."""

from tests.support.in_process import (  # noqa: F401  # fixtures
    accounts,
    settings,
    user,
    web_app,
)
