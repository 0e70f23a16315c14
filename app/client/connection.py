"""Stays connected: a thread that connects, waits for the end, and connects again."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.client.delivery import Delivery, State
from app.client.errors import Closed, RingbackError, SessionEnded, SignInRefused
from app.client.link import Link, Problem
from app.client.pauses import Deadline, full_jitter
from app.client.session import Session
from app.client.watches import Watches

log = logging.getLogger(__name__)

FIRST_SECONDS = 1.0
LONGEST_SECONDS = 15.0
# A connection that lasted less was none: a server that drops all at once is not to be asked faster for it.
STEADY_SECONDS = 5.0
TOKEN_SECONDS = 10.0
CLOSE_SECONDS = 5.0
# Proxies that let no WebSocket through let long polling through.
TRANSPORTS = ("websocket", "polling")


@dataclass(frozen=True)
class End:
    """How a connection, or the attempt at one, ended.

    Attributes:
        reason: for people.
        lasted: for how many seconds it stood.
        retry_after: seconds that the server asks to wait.
    """

    reason: str
    lasted: float = 0.0
    retry_after: float = 0.0


class Connection:
    """Keeps one user connected until it is closed or the sign-in is over.

    Args:
        url: of the server.
        device: this client's name; proxies may choose a server by it.
        make_socket: makes a new client of `socketio` for each connection.
        session: gives tokens.
        delivery, watches: who is told of what arrives.
    """

    def __init__(
        self,
        url: str,
        device: str,
        make_socket: Callable[[], Any],
        session: Session,
        delivery: Delivery,
        watches: Watches,
    ) -> None:
        self._url, self._device = f"{url}?device={device}", device
        self._make_socket = make_socket
        self._session, self._delivery, self._watches = session, delivery, watches
        self._stopping = threading.Event()
        self._link: Link | None = None
        self._thread = threading.Thread(target=self._run, name="ringback-connection", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._session.on_renewed = self._authenticate
        self._thread.start()

    def close(self) -> None:
        """Disconnect; the thread has ended when this returns, unless a silent server holds it up."""
        self._stopping.set()
        link = self._link
        if link is not None:
            link.end()
        if self._thread.is_alive():
            self._thread.join(CLOSE_SECONDS)
        if self._thread.is_alive():
            log.warning("the server does not answer; closing without waiting for it")

    def _run(self) -> None:
        pauses = full_jitter(FIRST_SECONDS, LONGEST_SECONDS)
        while not self._stopping.is_set():
            try:
                end = self._live_once()
            except (SessionEnded, SignInRefused) as error:
                return self._sign_in_is_over(error)
            except Closed:
                return
            except RingbackError as error:
                end = End(error.message)
            except Exception as error:
                log.exception("a connection failed in a way that nobody foresaw")
                end = End(str(error))
            if end.lasted >= STEADY_SECONDS:
                pauses = full_jitter(FIRST_SECONDS, LONGEST_SECONDS)
            self._pause(end, next(pauses))

    def _pause(self, end: End, pause: float) -> None:
        if self._stopping.is_set():
            return
        pause += end.retry_after
        log.info("not connected: %s; next try in %.1f s", end.reason, pause)
        self._delivery.tell(State("offline", end.reason, round(pause, 1)))
        self._stopping.wait(pause)

    def _sign_in_is_over(self, error: RingbackError) -> None:
        self._delivery.tell(State("signed-out", error.message))
        self._watches.look()

    def _live_once(self) -> End:
        self._delivery.tell(State("connecting"))
        token = self._session.token(Deadline(TOKEN_SECONDS))
        reason = ""
        for transport in TRANSPORTS:
            link = Link(self._make_socket(), self._receive)
            self._link = link
            try:
                failure = self._connect(link, token, transport)
                if failure is None:
                    return self._attend(link, token)
            finally:
                self._watches.is_live = False
                link.close()
            if link.problem or self._stopping.is_set():
                return self._ended(link, token, failure)
            reason = failure
        return End(reason)

    def _connect(self, link: Link, token: str, transport: str) -> str | None:
        self._delivery.begin(link)
        auth: dict[str, Any] = {"token": token, "device": self._device}
        if self._delivery.wants_notifications and self._delivery.cursor is not None:
            auth["after"] = self._delivery.cursor
        if self._stopping.is_set():
            return "closed"
        return link.connect(self._url, auth, transport)

    def _attend(self, link: Link, token: str) -> End:
        """Renew the token in time, until the connection ends."""
        if (current := self._session.token(Deadline(TOKEN_SECONDS))) != token:
            link.send("authenticate", {"token": current})
        while not self._stopping.is_set():
            if link.wait(max(0.1, self._session.renew_in())):
                break
            self._session.token(Deadline(TOKEN_SECONDS))
        return self._ended(link, token, "the connection was lost")

    def _ended(self, link: Link, token: str, reason: str) -> End:
        problem: Problem = link.problem or {}
        code = str(problem.get("code", ""))
        if code.startswith("token_") and not self._stopping.is_set():
            self._session.renew(token, Deadline(TOKEN_SECONDS))
        after = problem.get("retry_after")
        retry_after = float(after) if isinstance(after, int | float) else 0.0
        reason = f"{problem['message']} ({code})" if "message" in problem else reason
        return End(reason, 0.0 if problem else link.lasted, retry_after)

    def _authenticate(self, token: str) -> None:
        link = self._link
        if link is not None:
            link.send("authenticate", {"token": token})

    def _receive(self, link: Link, event: str, payload: Any) -> None:
        if link is not self._link or not isinstance(payload, dict):
            return
        if event == "ready":
            self._watches.is_live = True
            self._delivery.ready(link, payload["head"])
            self._watches.look()
        elif event == "notification":
            self._delivery.offer(link, payload)
            if payload.get("job_id"):
                self._watches.look(payload["job_id"])
        elif event == "job":
            self._watches.hear(payload)
        # `read` is for those who show a badge. `sessions`: if it is ours, the server closes with the reason.
