"""The two demo users, with passwords that everybody knows: for development only."""

from app.accounts import users
from app.accounts.passwords import directly
from app.accounts.permissions import Role
from app.config import Settings
from app.errors import ConfigError, Conflict
from app.extensions import transaction

DEMO_USERS = (
    ("administrator@test.com", "password1", Role.ADMIN),
    ("username@test.com", "password2", Role.USER),
)


def add_demo_users(settings: Settings) -> None:
    """Add those of the demo users that are not there yet. Needs an app context.

    Raises:
        ConfigError: this is not a development set-up.
    """
    if not settings.is_development:
        raise ConfigError(
            "Demo users have known passwords, so they exist in development only. "
            "Use `python -m app create-admin EMAIL` instead."
        )
    for email, password, role in DEMO_USERS:
        _add_unless_there(email, password, role)


def _add_unless_there(email: str, password: str, role: Role) -> None:
    with transaction():
        known = users.find(email)
    if known is None:
        try:
            users.create(email, password, role, offload=directly)
        except Conflict:
            return  # Another process added the user in the same moment: as good.
