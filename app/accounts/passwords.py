"""Passwords: Argon2id, hashed in real threads, at most as many at once as there are cores."""

import os
import secrets
import threading
from base64 import b64encode
from collections.abc import Callable
from typing import Any

from argon2 import PasswordHasher, Type
from argon2.exceptions import VerifyMismatchError

Offload = Callable[..., Any]

MEMORY_KIB = 19 * 1024
PASSES = 2
LANES = 1
HASH_BYTES = 32
SALT_BYTES = 16

_hasher = PasswordHasher(PASSES, MEMORY_KIB, LANES, HASH_BYTES, SALT_BYTES, type=Type.ID)
# More hashes than cores at once would only make each of them slower and hold more memory.
_slots = threading.BoundedSemaphore(os.cpu_count() or 1)


def directly(function: Callable[..., Any], /, *args: Any) -> Any:
    """The `offload` of commands: nothing else waits for this thread."""
    return function(*args)


def hash_password(password: str, offload: Offload) -> str:
    """The hash to store.

    Args:
        offload: runs a function in a real thread; hold no transaction while it works.
    """
    with _slots:
        return str(offload(_hasher.hash, password))


def matches(password: str, password_hash: str | None, offload: Offload) -> bool:
    """Whether this is the password of that hash.

    Args:
        password_hash: `None` for an unknown user: as much work is done, and the answer is no.
        offload: see `hash_password`.
    """
    with _slots:
        return bool(offload(_verify, password_hash or _DUMMY, password))


def is_outdated(password_hash: str) -> bool:
    """Whether the hash was made with other parameters than today's."""
    return _hasher.check_needs_rehash(password_hash)


def _verify(password_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(password_hash, password)
    except VerifyMismatchError:
        return False


def unmatchable() -> str:
    """A hash of today's parameters that no known password has: random bytes."""
    salt, digest = (
        b64encode(secrets.token_bytes(size)).decode().rstrip("=")
        for size in (SALT_BYTES, HASH_BYTES)
    )
    return f"$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${salt}${digest}"


_DUMMY = unmatchable()
