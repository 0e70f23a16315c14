"""Addresses in the parameters of a job: in one spelling, each once, and who may be written to."""

from collections.abc import Sequence
from typing import Annotated

from email_validator import EmailNotValidError, validate_email
from pydantic import PlainValidator, WithJsonSchema

from app.errors import PermissionDenied
from app.job_types.base import Owner

MAX_RECIPIENTS = 50
MAX_LENGTH = 254

_ONE = {"type": "string", "format": "email", "maxLength": MAX_LENGTH}
_MANY = {"type": "array", "items": _ONE, "minItems": 1, "maxItems": MAX_RECIPIENTS}


def _checked(value: object) -> list[str]:
    """The addresses as they are written on the envelope."""
    wanted = [value] if isinstance(value, str) else value
    if not isinstance(wanted, list) or not 1 <= len(wanted) <= MAX_RECIPIENTS:
        raise ValueError(f"Input should be an address, or a list of 1 to {MAX_RECIPIENTS} of them")
    return list(dict.fromkeys(_one(number, each) for number, each in enumerate(wanted, start=1)))


def _one(number: int, value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"Address {number} should be a text")
    if len(value) > MAX_LENGTH:
        raise ValueError(f"Address {number} should have at most {MAX_LENGTH} characters")
    try:
        # No mail server is asked: whether there is such a mailbox shows when it is sent.
        found = validate_email(value, check_deliverability=False)
    except (EmailNotValidError, UnicodeError) as error:
        raise ValueError(f"Address {number} is not a valid e-mail address") from error
    return found.ascii_email or found.normalized


# One validator, not a union of two types, so that a mistake gets one message.
Recipients = Annotated[
    list[str], PlainValidator(_checked), WithJsonSchema({"anyOf": [_ONE, _MANY]})
]


def refuse_recipients(owner: Owner, to: Sequence[str]) -> None:
    """Refuse addresses that this owner may not write to.

    Raises:
        PermissionDenied: `recipient_not_permitted`, with those addresses.
    """
    refused = [each for each in to if not owner.may_mail(each)]
    if refused:
        raise PermissionDenied(
            f"You may send mail to your own address, {owner.email}, and to the domains that whoever "
            "runs this server has listed, as long as your account is not disabled. Not permitted: "
            f"{', '.join(refused)}.",
            code="recipient_not_permitted",
        )
