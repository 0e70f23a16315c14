"""Users: who may sign in, and as what."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from app.accounts import sessions
from app.accounts.models import User
from app.accounts.passwords import Offload, hash_password, matches
from app.accounts.permissions import Role
from app.accounts.rules import checked_email, checked_password
from app.errors import Conflict, InvalidInput, NotFound
from app.extensions import db, transaction

UNIQUE_EMAIL = "uq_users_email"


@dataclass(frozen=True)
class Change:
    """What a change of a user came to.

    Attributes:
        user: as it is now.
        signed_out: whether sessions of the user ended with it; their sockets must be told.
    """

    user: User
    signed_out: bool


def create(email: str, password: str, role: Role, *, offload: Offload) -> User:
    """Add a user who may sign in at once.

    Raises:
        InvalidInput: the address or the password is not acceptable.
        Conflict: `email_taken`, in whatever case it is written.
    """
    address = checked_email(email)
    password_hash = hash_password(checked_password(password), offload)
    user = User(email=address, password_hash=password_hash, role=role)
    try:
        with transaction() as session:
            session.add(user)
    except IntegrityError as error:
        if _violated(error) != UNIQUE_EMAIL:
            raise
        message = "Another user has this e-mail address."
        raise Conflict(message, code="email_taken") from error
    return user


def get(user_id: UUID) -> User:
    """The user.

    Raises:
        NotFound: there is none of that id.
    """
    return _found(db.session.get(User, user_id, populate_existing=True))


def find(email: str) -> User | None:
    """The user of that address, in whatever case it is written."""
    query = select(User).where(func.lower(User.email) == func.lower(email))
    return db.session.scalar(query.execution_options(populate_existing=True))


def list_users(after: UUID | None, limit: int) -> Sequence[User]:
    """Users in the order of their making, at most `limit`, later than the user `after`."""
    query = select(User).order_by(User.id).limit(limit)
    if after is not None:
        query = query.where(User.id > after)
    return db.session.scalars(query).all()


def change(user_id: UUID, *, active: bool | None = None, role: Role | None = None) -> Change:
    """Disable, enable, or give another role; `None` leaves as it is.

    Disabling ends all sessions of the user.

    Raises:
        NotFound: there is no such user.
        Conflict: `last_admin`, nobody would be left to administer.
    """
    with transaction():
        admins = _lock_active_admins()
        user = _locked(user_id)
        user.active = user.active if active is None else active
        user.role = role or user.role
        if admins == {user_id} and not (user.active and user.role == Role.ADMIN):
            raise Conflict("This is the last active administrator.", code="last_admin")
        db.session.flush()
        ended = 0 if user.active else sessions.revoke_all(user_id, "user_disabled")
    return Change(user, ended > 0)


def change_password(
    user_id: UUID, session_id: UUID, present: str, new: str, *, offload: Offload
) -> Change:
    """Replace the user's own password; the user's other sessions end.

    Args:
        session_id: the session that stays.
        present: the password so far.

    Raises:
        InvalidInput: `wrong_password`, or the new one is not acceptable.
        Conflict: `password_changed`, somebody else changed it in the same moment.
    """
    checked_password(new, "new_password")
    with transaction():
        known_hash = get(user_id).password_hash
    if not matches(present, known_hash, offload):
        wrong = {"present_password": ["is not the present password"]}
        raise InvalidInput("The present password is wrong.", wrong, code="wrong_password")
    new_hash = hash_password(new, offload)
    with transaction():
        user = _locked(user_id)
        if user.password_hash != known_hash:
            raise Conflict("The password was changed meanwhile.", code="password_changed")
        user.password_hash = new_hash
        ended = sessions.revoke_all(user_id, "password_changed", keep=session_id)
    return Change(user, ended > 0)


def _lock_active_admins() -> set[UUID]:
    """Lock them all, in one order, so that two administrators cannot demote each other at once."""
    query = select(User.id).where(User.role == Role.ADMIN, User.active)
    return set(db.session.scalars(query.order_by(User.id).with_for_update(key_share=True)))


def _locked(user_id: UUID) -> User:
    # key_share: rows that refer to the user (jobs, notifications) need not wait for this lock.
    query = select(User).where(User.id == user_id).with_for_update(key_share=True)
    return _found(db.session.scalar(query.execution_options(populate_existing=True)))


def _found(user: User | None) -> User:
    if user is None:
        raise NotFound("There is no such user.", code="user_not_found")
    return user


def _violated(error: IntegrityError) -> str | None:
    return getattr(getattr(error.orig, "diag", None), "constraint_name", None)
