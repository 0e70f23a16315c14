"""What users may do beyond their own things: permissions, and the roles that hold them."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Role(StrEnum):
    """What a user is; a new one is a line here and a line in `ROLES`."""

    ADMIN = "admin"
    AUDITOR = "auditor"
    USER = "user"


class Permission(StrEnum):
    """One thing that not everybody may do."""

    JOBS_READ_ANY = "jobs.read_any"
    SCHEDULES_READ_ANY = "schedules.read_any"
    USERS_READ = "users.read"
    USERS_MANAGE = "users.manage"
    NOTIFICATIONS_PUBLISH = "notifications.publish"
    MAIL_SEND_ANY = "mail.send_any"


NOTHING: frozenset[Permission] = frozenset()

ROLES: Mapping[str, frozenset[Permission]] = MappingProxyType(
    {
        Role.ADMIN: frozenset(Permission),
        Role.AUDITOR: frozenset(
            {Permission.JOBS_READ_ANY, Permission.SCHEDULES_READ_ANY, Permission.USERS_READ}
        ),
        Role.USER: NOTHING,
    }
)


def permissions_of(role: str) -> frozenset[Permission]:
    """What the role holds; a role that this version does not know holds nothing."""
    return ROLES.get(role, NOTHING)
