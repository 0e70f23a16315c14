"""Who makes the users, and disables them in the end."""

import secrets
import threading
from typing import Any

from app.client import RingbackError
from app.client.pauses import Deadline
from app.client.session import Session
from app.client.web import Request, Web

PATIENCE_SECONDS = 60.0
# The first answer decides whether there is a server at all.
FIRST_SECONDS = 5.0


class Admin:
    """An administrator's sign-in. Threads may share it.

    Args:
        url: of the server.
        email, password: whose.
    """

    def __init__(self, url: str, email: str, password: str) -> None:
        web = Web(url)
        self._session = Session(
            web, email=email, password=password, tokens=None, device="Simulation"
        )
        self._ids: dict[str, str] = {}
        self._lock = threading.Lock()
        self.left_behind: list[str] = []

    def examples(self) -> dict[str, dict[str, Any]]:
        """The types that the server offers: name -> parameters that fit.

        Raises:
            SignInRefused, Unreachable: nothing can be simulated.
        """
        page = self._json(Request("GET", "/v1/job-types"), FIRST_SECONDS)
        return {each["name"]: each["example"] for each in page["items"]}

    def add(self, email: str) -> str:
        """Make a user; returns the password."""
        password = secrets.token_urlsafe(24)
        user = self._json(Request("POST", "/v1/users", {"email": email, "password": password}))
        with self._lock:
            self._ids[email] = user["id"]
        return password

    def disable(self, email: str) -> None:
        """Let nobody sign in as a simulated user again; who could not be disabled is `left_behind`."""
        user_id = self._ids.get(email)
        if user_id is None:
            return
        try:
            self._json(Request("PATCH", f"/v1/users/{user_id}", {"active": False}))
        except RingbackError:
            self.left_behind.append(email)

    def close(self) -> None:
        """Sign out."""
        self._session.sign_out()

    def _json(self, request: Request, seconds: float = PATIENCE_SECONDS) -> Any:
        return self._session.json(request, Deadline(seconds))
