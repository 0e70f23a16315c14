"""A pair of tokens, and when the access token has to be renewed."""

import base64
import json
import math
import time
from dataclasses import dataclass, field
from typing import Any

# Renewed when this much of its life is left, and at latest so many seconds before its end.
LEFT_SHARE = 0.25
LEFT_SECONDS = 60.0


@dataclass
class Tokens:
    """Times are of the monotonic clock. `repr` shows no token.

    Attributes:
        access: the access token.
        refresh: the refresh token, good once; None if there is none.
        due: when to renew the access token.
        expires: when it ends.
    """

    access: str = field(repr=False)
    refresh: str | None = field(repr=False)
    due: float = math.inf
    expires: float = math.inf

    @classmethod
    def of_answer(cls, answer: dict[str, Any], asked_at: float) -> "Tokens":
        """Those of `POST /v1/login` or `/v1/refresh`.

        Args:
            asked_at: when the request was sent; the life counts from then, to be on the safe side.
        """
        life = float(answer["expires_in"])
        due = asked_at + life - min(LEFT_SECONDS, life * LEFT_SHARE)
        return cls(answer["access_token"], answer["refresh_token"], due, asked_at + life)

    @classmethod
    def given(cls, access: str, refresh: str | None) -> "Tokens":
        """Tokens of unknown age: the claims of the access token say when it ends.

        If this machine's clock is wrong it is renewed too early, or once the server has refused it.
        """
        claims = _claims(access)
        if refresh is None or "exp" not in claims:
            return cls(access, refresh)
        life = float(claims["exp"]) - float(claims.get("iat", claims["exp"]))
        expires = time.monotonic() + float(claims["exp"]) - time.time()
        return cls(access, refresh, expires - min(LEFT_SECONDS, life * LEFT_SHARE), expires)

    @property
    def is_due(self) -> bool:
        """Whether to renew it now."""
        return time.monotonic() >= self.due

    @property
    def is_expired(self) -> bool:
        """Whether it is of no use any more."""
        return time.monotonic() >= self.expires

    def put_off(self, seconds: float) -> None:
        """Try to renew it later."""
        self.due = time.monotonic() + seconds


def _claims(token: str) -> dict[str, Any]:
    try:
        _, body, _ = token.split(".")
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except ValueError:
        return {}
    return claims if isinstance(claims, dict) else {}
