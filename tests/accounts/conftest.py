from tests.support.in_process import (  # noqa: F401  # fixtures
    accounts,
    admin,
    http,
    other_app,
    settings,
    user,
    web_app,
)
