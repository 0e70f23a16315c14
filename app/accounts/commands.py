"""Commands for accounts: `python -m app create-admin EMAIL`."""

import getpass
import sys

from sqlalchemy import select
from sqlalchemy.exc import OperationalError, ProgrammingError

from app.accounts import users
from app.accounts.models import User
from app.accounts.passwords import directly
from app.accounts.permissions import Role
from app.accounts.rules import checked_email, checked_password
from app.errors import AppError, InvalidInput
from app.extensions import transaction, unreachable


def create_admin(email: str) -> None:
    """Add an administrator; asks for the password, or reads it as one line from a pipe.

    Needs an app context.

    Raises:
        InvalidInput: the address or the password is not acceptable.
        Conflict: the address is taken.
        AppError: `database_unavailable`, or `not_migrated`.
    """
    address = checked_email(email)
    _check_database()
    user = users.create(address, _read_password(address), Role.ADMIN, offload=directly)
    sys.stdout.write(f"{user.email} is an administrator now and can sign in.\n")


def _check_database() -> None:
    """Fail before anybody has typed a password."""
    try:
        with transaction() as session:
            session.execute(select(User.id).limit(1))
    except OperationalError as error:
        raise unreachable(error) from error
    except ProgrammingError as error:
        message = "The database has no tables yet. Run `python -m app migrate` first."
        raise AppError(message, code="not_migrated") from error


def _read_password(address: str) -> str:
    if not sys.stdin.isatty():
        return checked_password(sys.stdin.readline().rstrip("\r\n"))
    password = checked_password(getpass.getpass(f"Password of {address}: "))
    if getpass.getpass("The same again: ") != password:
        wrong = {"password": ["the two differ"]}
        raise InvalidInput("The two passwords differ. Nothing was changed.", wrong)
    return password
