"""What a job type may ask about whoever wants a job of it."""

from functools import cached_property
from uuid import UUID

from app.accounts import users
from app.accounts.models import User
from app.accounts.permissions import Permission
from app.accounts.rules import mailbox
from app.errors import InvalidInput
from app.extensions import transaction
from app.services import services
from app.uploads import queries as uploads


class JobOwner:
    """See `app.job_types.base.Owner`; asks the database only what it is asked itself.

    Args:
        user_id: the user.
    """

    def __init__(self, user_id: UUID) -> None:
        self._user_id = user_id

    @property
    def email(self) -> str:
        """See `Owner.email`."""
        return self._user.email

    def may_mail(self, address: str) -> bool:
        """See `Owner.may_mail`."""
        wanted = mailbox(address)
        return self._user.active and (
            wanted[1] in services().settings.mail_domains
            or Permission.MAIL_SEND_ANY in self._user.permissions
            or wanted == self._mailbox
        )

    def has_upload(self, upload_id: UUID) -> bool:
        """See `Owner.has_upload`."""
        with transaction():
            return uploads.find(self._user_id, upload_id) is not None

    @property
    def _mailbox(self) -> tuple[str, str] | None:
        """None: nothing can be sent to the address of the system's own user."""
        try:
            return mailbox(self.email)
        except InvalidInput:
            return None

    @cached_property
    def _user(self) -> User:
        with transaction():
            return users.get(self._user_id)
