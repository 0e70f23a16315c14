"""Signed in, and staying so: requests with a token that is renewed in time, by one thread at once."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import requests

from app.client.errors import Refused, SessionEnded, SignInRefused, Unreachable
from app.client.pauses import Deadline
from app.client.tokens import Tokens
from app.client.web import Request, Web

log = logging.getLogger(__name__)

UNAUTHENTICATED = 401
# The server takes a refresh token again until the tokens that it was exchanged for are used.
REFRESH_SECONDS = (4.0, 4.0)
RENEW_SOON_SECONDS = 1.5
# While the present token still counts, a server that is away is asked again after so long.
RENEW_AGAIN_SECONDS = 5.0
SIGN_OUT_SECONDS = 2.0


class Session:
    """One user's sign-in. Threads may share it.

    Args:
        web: the way to the server.
        email, password: to sign in with, if there are no tokens.
        tokens: of a sign-in that somebody else made.
        device: what the user's list of sessions calls this one.

    Attributes:
        on_renewed: called with each new access token.
    """

    def __init__(
        self,
        web: Web,
        *,
        email: str | None,
        password: str | None,
        tokens: Tokens | None,
        device: str,
    ) -> None:
        self._web, self._device = web, device
        self._email, self._password = email, password
        self._tokens = tokens
        self._lock = threading.RLock()
        self._ended: SessionEnded | None = None
        self._is_own = False
        self._refresh_in_doubt = False
        self.on_renewed: Callable[[str], None] = _nobody

    def token(self, deadline: Deadline) -> str:
        """An access token that counts; signs in, or renews it, if need be.

        Raises:
            SignInRefused: address or password are wrong.
            SessionEnded: the sign-in is over.
            Unreachable: no answer before the deadline.
        """
        with self._held(deadline):
            self._check()
            if self._tokens is None:
                self._sign_in(deadline)
            elif self._tokens.is_due:
                self._renew_ahead(self._tokens, deadline)
            assert self._tokens is not None
            return self._tokens.access

    def renew(self, stale: str, deadline: Deadline) -> str:
        """Another access token than the one that was refused; of many threads one asks for it.

        Raises:
            SessionEnded, Unreachable: as `token`.
        """
        with self._held(deadline):
            self._check()
            if self._tokens is None or self._tokens.access == stale:
                self._renew(deadline)
            assert self._tokens is not None
            return self._tokens.access

    def renew_in(self) -> float:
        """Seconds until the access token should be renewed; infinite if it cannot be."""
        tokens = self._tokens
        return max(0.0, tokens.due - time.monotonic()) if tokens else 0.0

    def call(self, request: Request, deadline: Deadline) -> requests.Response:
        """Send a request as this user.

        Raises:
            Refused, Unreachable, Closed: as `Web.call`.
            SessionEnded: the sign-in is over.
        """
        token = self.token(deadline)
        try:
            return self._web.call(_signed(request, token), deadline)
        except Refused as error:
            if error.status != UNAUTHENTICATED:
                raise
        return self._web.call(_signed(request, self.renew(token, deadline)), deadline)

    def json(self, request: Request, deadline: Deadline) -> Any:
        """The answer's JSON; errors as `call`."""
        return self.call(request, deadline).json()

    def pause(self, seconds: float) -> None:
        """Wait between two tries; `Closed` is raised by the next one if that is so."""
        self._web.pause(seconds)

    def sign_out(self) -> None:
        """End the session if this object opened it; if the server is away, it is left to expire."""
        if not self._is_own or self._ended or self._tokens is None:
            return
        self._is_own = False
        answer = self._log_out(self._tokens.access)
        if answer is None or answer.status_code != UNAUTHENTICATED or not self._tokens.refresh:
            return
        answer = self._web.farewell(_refresh(self._tokens.refresh), SIGN_OUT_SECONDS)
        if answer is not None and answer.ok:
            self._log_out(answer.json()["access_token"])

    def _log_out(self, access: str) -> requests.Response | None:
        request = _signed(Request("POST", "/v1/logout"), access)
        return self._web.farewell(request, SIGN_OUT_SECONDS)

    @contextlib.contextmanager
    def _held(self, deadline: Deadline) -> Iterator[None]:
        """One thread renews, the others wait for it, each no longer than it has time."""
        if not self._lock.acquire(timeout=min(deadline.left, threading.TIMEOUT_MAX)):
            raise Unreachable("The sign-in is still being renewed: the server does not answer.")
        try:
            yield
        finally:
            self._lock.release()

    def _check(self) -> None:
        if self._ended is not None:
            raise SessionEnded(self._ended.message, code=self._ended.code)

    def _sign_in(self, deadline: Deadline) -> None:
        body = {"email": self._email, "password": self._password, "device": self._device}
        asked_at = time.monotonic()
        try:
            answer = self._web.call(Request("POST", "/v1/login", body), deadline)
        except Refused as error:
            if error.status != UNAUTHENTICATED:
                raise
            problem = {"detail": error.message, "code": error.code, "request_id": error.request_id}
            raise SignInRefused(error.status, problem) from None
        self._is_own = True
        self._take(answer, asked_at)

    def _renew_ahead(self, tokens: Tokens, deadline: Deadline) -> None:
        """While the present token still counts, a server that is away is no error."""
        was_in_doubt = self._refresh_in_doubt
        try:
            self._renew(deadline if tokens.is_expired else Deadline(0))
        except (Unreachable, Refused):
            if tokens.is_expired:
                raise
            is_soon = self._refresh_in_doubt and not was_in_doubt
            tokens.put_off(RENEW_SOON_SECONDS if is_soon else RENEW_AGAIN_SECONDS)

    def _renew(self, deadline: Deadline) -> None:
        if self._tokens is None or self._tokens.refresh is None:
            if self._password is None:
                self._end("The access token has ended, and there is no refresh token.")
            return self._sign_in(deadline)
        asked_at = time.monotonic()
        try:
            answer = self._web.call(_refresh(self._tokens.refresh), deadline)
        except Unreachable:
            # It may have been exchanged, and the answer lost.
            self._refresh_in_doubt = True
            raise
        except Refused as error:
            if error.status != UNAUTHENTICATED:
                raise
            return self._after_refusal(error, deadline)
        self._take(answer, asked_at)

    def _after_refusal(self, error: Refused, deadline: Deadline) -> None:
        """A token that an outage made too old was nobody's theft: the password still counts."""
        if not self._refresh_in_doubt or self._password is None:
            return self._end(error.message, error.code)
        self._sign_in(deadline)

    def _end(self, message: str, code: str | None = None) -> None:
        self._ended = SessionEnded(message, code=code)
        log.warning("the session has ended: %s", message)
        raise self._ended

    def _take(self, answer: requests.Response, asked_at: float) -> None:
        self._tokens = Tokens.of_answer(answer.json(), asked_at)
        self._refresh_in_doubt = False
        self.on_renewed(self._tokens.access)


def _nobody(_: str) -> None:
    """Nobody wants to know."""


def _refresh(token: str) -> Request:
    body = {"refresh_token": token}
    return Request("POST", "/v1/refresh", body, read_seconds=REFRESH_SECONDS)


def _signed(request: Request, token: str) -> Request:
    headers = {**request.headers, "Authorization": f"Bearer {token}"}
    return Request(
        request.method, request.path, request.body, request.query, headers, request.stream
    )
