"""Mail on its way out of the application: a letter, and who takes it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import localtime
from typing import Protocol
from uuid import UUID

from app.errors import JobFailed

# Bodies are made of ASCII lines whatever the text is, so that every server on the way takes them.
_POLICY = policy.SMTP.clone(cte_type="7bit")
_INTERNATIONAL = policy.SMTPUTF8.clone(cte_type="7bit")
# What ends a line for some reader, or is none of the characters that people write.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

# What stands before an @, with the signs that may be part of it (RFC 5322), and beyond ASCII.
_MAILBOX = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+(?=@)")


@dataclass(frozen=True)
class Letter:
    """What is to be sent.

    Attributes:
        id: of what it is sent for; a second copy has the same.
        to: addresses.
        text: the body for readers without HTML.
        html: the same as HTML, if there is any.
    """

    id: UUID
    to: Sequence[str]
    subject: str
    text: str
    html: str | None = None


class Mailer(Protocol):
    """Sends mail."""

    def send(self, letter: Letter) -> Mapping[str, str]:
        """Send it once.

        Returns:
            The addresses that were refused, each with the server's words; at least one was not.

        Raises:
            JobFailed: it was not sent; `outcome_unknown`, it may have been. `retryable` if it surely
                was not and may be later.
        """


class Unconfigured:
    """The mailer of an application that has no mail server."""

    def send(self, letter: Letter) -> Mapping[str, str]:
        """See `Mailer.send`: it always fails, with the settings that are missing."""
        raise JobFailed(
            "This server sends no mail, because nobody has told it how to. Whoever runs it sets "
            "RINGBACK_SMTP_HOST and RINGBACK_MAIL_SENDER.",
            code="mail_not_configured",
        )


def has_control(text: str) -> bool:
    """Whether the text could end a header or a command, or hide what comes after it."""
    return _CONTROL.search(text) is not None


def without_mailboxes(text: str) -> str:
    """The text for a log: of each address in it only the domain."""
    return _MAILBOX.sub("…", text)


def is_international(addresses: Sequence[str]) -> bool:
    """Whether one of them has letters that only newer servers take (SMTPUTF8)."""
    return not all(each.isascii() for each in addresses)


def compose(letter: Letter, sender: str) -> EmailMessage:
    """The letter as a message.

    Args:
        sender: an address, with or without a name: `Ringback <ringback@example.com>`.

    Raises:
        JobFailed: `job_failed`, the subject or an address has control characters.
    """
    if any(has_control(each) for each in (letter.subject, *letter.to)):
        raise JobFailed("The subject or an address of the mail has line breaks or the like in it.")
    message = EmailMessage(_INTERNATIONAL if is_international(letter.to) else _POLICY)
    message["From"] = sender
    message["To"] = [_address(each) for each in letter.to]
    message["Subject"] = letter.subject
    message["Date"] = localtime()
    message["Message-ID"] = f"<{letter.id}@{domain_of(sender_address(message))}>"
    message["Auto-Submitted"] = "auto-generated"  # nobody's holiday notice answers it (RFC 3834)
    message.set_content(letter.text)
    if letter.html is not None:
        message.add_alternative(letter.html, subtype="html")
    return message


def sender_address(message: EmailMessage) -> str:
    """The plain address that the message comes from."""
    return str(message["From"].addresses[0].addr_spec)


def domain_of(address: str) -> str:
    """What stands after the @."""
    return address.rpartition("@")[2]


def _address(text: str) -> Address:
    local, _, domain = text.rpartition("@")
    return Address(username=local, domain=domain)
