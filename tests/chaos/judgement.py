"""The audit after a run, and what else gives a defect of a client away."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import requests

from app.accounts.sign_in import REUSED
from tests.chaos.accounts import Account
from tests.faults.audit import Audit
from tests.faults.ledger import Client
from tests.support.database import query

THIEVES = """
SELECT user_id::text, count(*) FROM sessions WHERE revoked_reason = %s GROUP BY user_id
"""


class Auditor(Client):
    """A user for the audit, which may take longer than an access token lives here."""

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        response = super().call(method, path, **options)
        if response.status_code == 401 and path != "/v1/login":
            self.sign_in()
            response = super().call(method, path, **options)
        return response


@dataclass(frozen=True)
class LastAudit(Audit):
    """Takes what the clients go on to say, and judges it last: a duplicate may come late.

    Args:
        listen: takes what the clients have said since it was last called.
    """

    listen: Callable[[], None] = lambda: None

    def _checks(self) -> list[Callable[[], Iterator[str]]]:
        return sorted(super()._checks(), key=lambda each: each == self._heard)

    def _unheard(self) -> list[str]:
        self.listen()
        return super()._unheard()


def thieves(database_url: str, accounts: list[Account]) -> Iterator[str]:
    """Which users' clients were taken for a thief: they used a refresh token twice."""
    names = {each.user_id: each.name for each in accounts}
    for user_id, count in query(database_url, THIEVES, REUSED):
        name = names.get(user_id, user_id)
        yield f"{name}: {count} sessions ended, a refresh token was used twice ({REUSED})"
