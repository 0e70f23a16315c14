"""Addresses of servers in settings, `scheme://user:password@host:port/name`, and their passwords."""

import re
from collections.abc import Sequence
from urllib.parse import quote, unquote, urlsplit


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
