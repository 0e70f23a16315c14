"""HTTP: one logical request, tried until it is answered."""

import contextlib
import json
import threading
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter

from app.client.errors import Closed, Refused, Unreachable
from app.client.pauses import Deadline, full_jitter

CONNECT_SECONDS = 5.0
READ_SECONDS = 30.0
# Threads that share one client may each have a request under way.
POOLED_CONNECTIONS = 32
TRY_AGAIN = {429, 502, 503, 504}
TOO_MANY = 429
LOST = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)


@dataclass(frozen=True)
class Request:
    """What is asked; sent again as it is after a lost answer, so it must bear that.

    Body and headers may hold a password or tokens, and stay out of `repr`, and so out of logs.

    Attributes:
        read_seconds: for how long an answer is waited for: at least, whatever the deadline, and at most.
    """

    method: str
    path: str
    body: Any = field(default=None, repr=False)
    query: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    stream: bool = False
    read_seconds: tuple[float, float] = (1.0, READ_SECONDS)


class Web:
    """Talks to one server; threads may share it.

    Args:
        url: of the server, without a path.
        verify: as in `requests`: check certificates, or the file of the authorities to trust.
    """

    def __init__(self, url: str, verify: bool | str = True) -> None:
        self.url = url.rstrip("/")
        self.verify = verify
        self._closed = threading.Event()
        self._http = make_session(verify)

    def call(self, request: Request, deadline: Deadline) -> requests.Response:
        """Send until there is an answer that is final.

        Tried again, with growing random pauses: lost connections, 429 (as late as `Retry-After`
        says), 502, 503, 504.

        Raises:
            Refused: the answer is an error.
            Unreachable: the deadline passed.
            Closed: the client was closed meanwhile.
        """
        for jitter in full_jitter():
            pause = jitter
            try:
                response = self._send(request, deadline)
            except LOST as error:
                failure: Exception = Unreachable(f"{self.url} does not answer: {error}")
            else:
                if response.status_code not in TRY_AGAIN:
                    return _accepted(response)
                pause += _retry_after(response)
                failure = self._not_now(response)
            if pause >= deadline.left:
                raise failure
            self.pause(pause)
        raise AssertionError("pauses never run out")

    def _send(self, request: Request, deadline: Deadline) -> requests.Response:
        if self._closed.is_set():
            raise Closed("This client was closed; make a new one.")
        least, most = request.read_seconds
        return self._http.request(
            request.method,
            self.url + request.path,
            json=request.body,
            params=request.query,
            headers=request.headers,
            stream=request.stream,
            auth=_as_it_is,
            timeout=(CONNECT_SECONDS, min(most, max(least, deadline.left))),
            allow_redirects=False,
        )

    def _not_now(self, response: requests.Response) -> Exception:
        refused = refusal_of(response)
        if response.status_code == TOO_MANY:
            return refused
        return Unreachable(f"{self.url} cannot answer now: {refused}", code=refused.code)

    def pause(self, seconds: float) -> None:
        """Wait, unless the client is closed."""
        self._closed.wait(seconds)

    def stop(self) -> None:
        """End the pauses between tries; only a farewell is sent after this."""
        self._closed.set()

    def farewell(self, request: Request, seconds: float) -> requests.Response | None:
        """Send once, also after `stop`. Returns the answer, whatever it is; None if none came."""
        with contextlib.suppress(requests.RequestException):
            return self._http.request(
                request.method,
                self.url + request.path,
                json=request.body,
                headers=request.headers,
                auth=_as_it_is,
                timeout=seconds,
            )
        return None

    def close(self) -> None:
        """Close the connections."""
        self.stop()
        self._http.close()


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Without this, an entry in `.netrc` would take the place of the token."""
    return request


def make_session(verify: bool | str) -> requests.Session:
    """A session of `requests` that keeps no cookies: tokens say who is who."""
    session = requests.Session()
    session.verify = verify
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(pool_maxsize=POOLED_CONNECTIONS))
    return session


def _accepted(response: requests.Response) -> requests.Response:
    if not 200 <= response.status_code < 300:
        raise refusal_of(response)
    return response


def refusal_of(response: requests.Response) -> Refused:
    """The problem that an answer tells of; its body is read, its connection given back."""
    try:
        problem = json.loads(response.content)
    except (ValueError, requests.RequestException):
        problem = None
    if not isinstance(problem, dict):
        problem = {"title": f"HTTP {response.status_code} {response.reason}"}
    return Refused(response.status_code, problem)


def _retry_after(response: requests.Response) -> float:
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() else 0.0
