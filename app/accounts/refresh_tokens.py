"""Refresh tokens: `<session id>.<nonce and tag>`, used once, each followed by one successor.

The first nonce of a session is random. The next ones follow from the one before and the secret key,
so two requests that bring one token at the same time, or one that repeats a lost answer, get the
same successor: there is never a second valid token that a later refresh would take for stolen.
The tag tells a token that was ours once (and was used before: stolen) from text that never was.
"""

import hashlib
import hmac
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from uuid import UUID

from app.errors import Unauthenticated

NONCE_BYTES = 16
TAG_BYTES = 16
_SHAPE = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.([A-Za-z0-9_-]{43})")


@dataclass(frozen=True)
class RefreshToken:
    """One refresh token of a session.

    Attributes:
        session_id: the session.
        nonce: what makes this token differ from the others of its session.
    """

    session_id: UUID
    nonce: bytes

    @classmethod
    def first(cls, session_id: UUID) -> "RefreshToken":
        """The token that a sign-in hands out."""
        return cls(session_id, secrets.token_bytes(NONCE_BYTES))

    @classmethod
    def parse(cls, text: str, key: bytes) -> "RefreshToken":
        """The token in this text.

        Raises:
            Unauthenticated: `refresh_invalid`, it was never handed out by this server.
        """
        match = _SHAPE.fullmatch(text)
        if match:
            token = cls(UUID(match[1]), urlsafe_b64decode(match[2] + "=")[:NONCE_BYTES])
            if hmac.compare_digest(token.text(key), text):
                return token
        raise Unauthenticated(
            "The refresh token is not valid: sign in again.", code="refresh_invalid"
        )

    def successor(self, key: bytes) -> "RefreshToken":
        """The one token that replaces this one."""
        return RefreshToken(self.session_id, self._derive(b"next", key))

    def text(self, key: bytes) -> str:
        """The token as it is handed out."""
        secret = urlsafe_b64encode(self.nonce + self._derive(b"tag", key)).decode().rstrip("=")
        return f"{self.session_id}.{secret}"

    def digest(self) -> str:
        """What the database keeps of it (SHA-256, hex)."""
        return hashlib.sha256(self.session_id.bytes + self.nonce).hexdigest()

    def _derive(self, label: bytes, key: bytes) -> bytes:
        message = b"ringback refresh " + label + self.session_id.bytes + self.nonce
        return hmac.digest(key, message, "sha256")[:TAG_BYTES]


def looks_like_refresh_token(text: str) -> bool:
    """Whether the text has the shape of a refresh token, valid or not."""
    return _SHAPE.fullmatch(text) is not None
