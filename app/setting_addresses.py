"""Addresses in settings: of servers, `scheme://user:password@host:port/name`, with passwords; of mail."""

import re
from collections.abc import Sequence
from email.headerregistry import Address
from urllib.parse import quote, unquote, urlsplit

from email_validator import EmailNotValidError, validate_email


def check(address: str, schemes: Sequence[str]) -> None:
    """Refuse what one library would read so and another otherwise, or none at all.

    Raises:
        ValueError: what is wrong, without a piece of the address, which may be of a password.
    """
    if address.partition("://")[0] not in schemes or "://" not in address:
        raise ValueError(f"must start with {' or '.join(f'{each}://' for each in schemes)}")
    try:
        parts = urlsplit(address)
        _ = parts.port  # raises as well
    except ValueError:
        parts = None
    if parts is None or "@" in parts.path + parts.query + parts.fragment:
        raise ValueError(
            f"is not of the form {schemes[0]}://user:password@host:port/name, with a number as "
            "port; in a password write / as %2F, : as %3A, @ as %40, # as %23, ? as %3F, [ as %5B"
        )


def with_password(address: str, password: str) -> str:
    """The address with this password in the place of its own, if it has one."""
    parts = urlsplit(address)
    user = (parts.username or "") if "@" in parts.netloc else ""
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{user}:{quote(password, safe='')}@{host}").geturl()


def masked(address: str) -> str:
    """The address for people's eyes; rather too much is hidden than too little."""
    hidden = re.sub(r"(://[^:@]*):.*@", r"\1:***@", address, flags=re.DOTALL)
    return re.sub(r"(password=)[^&]*", r"\1***", hidden)


def passwords(address: str) -> set[str]:
    """The passwords in an address that `check` accepts, as they stand there and as they are."""
    parts = urlsplit(address)
    quoted = {parts.password or ""} | set(re.findall(r"password=([^&]*)", parts.query))
    return quoted | {unquote(each) for each in quoted}


def mail_host(host: str) -> str:
    """The name of a mail server.

    Raises:
        ValueError: it is more, or less, than a name, or one that nobody can be asked for.
    """
    if not re.fullmatch(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*", host):
        raise ValueError(
            "must be the name of a host alone, such as smtp.example.com; the port is smtp_port, and "
            "how it is encrypted smtp_security"
        )
    try:
        host.encode("idna")  # as the socket will do
    except UnicodeError as error:
        raise ValueError("must have 1 to 63 characters in each part between dots") from error
    return host


def mail_sender(text: str) -> str:
    """An address, with or without a name before it, as it can stand in a header.

    Raises:
        ValueError: it is none.
    """
    try:
        found = validate_email(text, check_deliverability=False, allow_display_name=True)
    except (EmailNotValidError, UnicodeError) as error:
        raise ValueError(
            f"must be such as Ringback <ringback@example.com>, or the address alone: {error}"
        ) from error
    if found.ascii_email is None:
        raise ValueError("must have only ASCII letters before the @: not all servers take others")
    return str(Address(found.display_name or "", addr_spec=found.ascii_email))


def mail_domain(domain: str) -> str:
    """The domain as the DNS knows it: lower case, other letters than ASCII as `xn--…`.

    Raises:
        ValueError: no mail can go there.
    """
    try:
        found = validate_email(f"somebody@{domain}", check_deliverability=False)
    except (EmailNotValidError, UnicodeError) as error:
        raise ValueError(f"{domain!r} is no domain; write such as example.com") from error
    return found.ascii_domain
