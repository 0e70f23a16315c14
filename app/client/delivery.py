"""One thread that calls the callbacks: each notification once, in order, then acknowledged."""

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.client.cursor_file import CursorFile
from app.client.inbox import Inbox, Notification
from app.client.link import Link

log = logging.getLogger(__name__)

# The server counts a client's events; the highest number speaks for those below it.
ACK_SECONDS = 0.25
ACK_AGAIN_SECONDS = 5.0
# What was only overtaken arrives within this; what is asked for, within the second.
GAP_SECONDS = 0.5
SYNC_SECONDS = 3.0
IDLE_SECONDS = 60.0
CLOSE_SECONDS = 10.0


@dataclass(frozen=True)
class State:
    """How the client is connected.

    Attributes:
        name: `connecting`; `catching-up`: connected, what was missed is being brought; `live`: all
            that exists was handled; `offline`: tries again; `signed-out`: the sign-in is over.
        reason: why it is offline or signed out; else empty.
        retry_in: seconds until the next try, if it is offline.
    """

    name: str
    reason: str = ""
    retry_in: float | None = None


OnNotification = Callable[[Notification], None]
OnState = Callable[[State], None]


class Delivery:
    """Takes in what connections bring, and hands it to the callbacks on a thread of its own.

    Args:
        inbox: with the cursor to begin at.
        file: where the cursor is kept, if anywhere.
        on_notification, on_state: the callbacks.
    """

    def __init__(
        self,
        inbox: Inbox,
        file: CursorFile | None,
        on_notification: OnNotification | None,
        on_state: OnState | None,
    ) -> None:
        self._inbox, self._file = inbox, file
        self._on_notification, self._on_state = on_notification, on_state
        self._changed = threading.Condition()
        self._link: Link | None = None
        self._states: deque[State] = deque()
        self._state: State | None = None
        self._acked = 0
        self._ack_due = self._gap_due = 0.0
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="ringback-callbacks", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Let the callback that runs return, acknowledge what was handled, end the thread.

        A callback may call this too.
        """
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread is threading.current_thread() or not self._thread.is_alive():
            return
        self._thread.join(CLOSE_SECONDS)
        if self._thread.is_alive():
            log.warning("a callback still runs; closing without it")

    @property
    def cursor(self) -> int | None:
        """The last number whose callback has returned."""
        return self._inbox.cursor

    @property
    def wants_notifications(self) -> bool:
        """Whether somebody listens to them."""
        return self._on_notification is not None

    def tell(self, state: State) -> None:
        """Report a state, if it is a new one."""
        with self._changed:
            self._tell(state)

    def begin(self, link: Link) -> None:
        """From now on, only what this connection brings counts."""
        with self._changed:
            self._link = link
            self._acked = self._ack_due = self._gap_due = 0
            self._inbox.reconnecting()

    def ready(self, link: Link, head: int) -> None:
        """The first event of a connection."""
        with self._changed:
            if link is self._link:
                self._inbox.ready(head)
                self._tell(State("live" if self._is_up_to_date() else "catching-up"))
                self._changed.notify_all()

    def offer(self, link: Link, notification: Notification) -> None:
        """A notification has arrived."""
        with self._changed:
            if link is self._link and self.wants_notifications:
                self._inbox.offer(notification)
                self._changed.notify_all()

    def _run(self) -> None:
        while (call := self._next_call()) is not None:
            call()
        self._keep_cursor()

    def _next_call(self) -> Callable[[], None] | None:
        with self._changed:
            while not self._stopping:
                if self._keep_in() <= 0:
                    return self._keep_cursor
                if self._states:
                    state = self._states.popleft()
                    return lambda: _guarded(self._on_state, state)
                notification = self._inbox.next()
                self._acknowledge(now=False)
                if notification is not None:
                    return lambda: self._handle(notification)
                self._changed.wait(self._close_gap())
            self._acknowledge(now=True)
            return None

    def _handle(self, notification: Notification) -> None:
        _guarded(self._on_notification, notification)
        with self._changed:
            self._inbox.done(notification["seq"])
            if self._state == State("catching-up") and self._is_up_to_date():
                self._tell(State("live"))

    def _acknowledge(self, *, now: bool) -> None:
        cursor, moment = self._inbox.cursor, time.monotonic()
        if not self.wants_notifications or self._link is None or not cursor:
            return
        if cursor == self._acked or not (now or moment >= self._ack_due):
            return
        if self._link.send("ack", {"seq": cursor}):
            self._acked = cursor
        self._ack_due = moment + (ACK_SECONDS if self._acked == cursor else ACK_AGAIN_SECONDS)

    def _close_gap(self) -> float:
        """Ask for what is missing once it is late. Returns for how long nothing is to be done."""
        moment = time.monotonic()
        pauses = [IDLE_SECONDS, self._keep_in()]
        if self._link is not None and (self._inbox.cursor or 0) > self._acked:
            pauses.append(self._ack_due - moment)
        if not self._inbox.has_gap:
            self._gap_due = 0
            return max(0.01, min(pauses))
        if not self._gap_due:
            self._gap_due = moment + GAP_SECONDS
        if moment >= self._gap_due and self._link is not None:
            self._link.send("sync", {"after": self._inbox.cursor})
            self._inbox.asked_again()
            self._gap_due = moment + SYNC_SECONDS
        return max(0.01, min(*pauses, self._gap_due - moment))

    def _is_up_to_date(self) -> bool:
        return not self.wants_notifications or self._inbox.is_complete

    def _tell(self, state: State) -> None:
        if state != self._state:
            self._state = state
            if self._on_state is not None:
                self._states.append(state)
            self._changed.notify_all()

    def _keep_in(self) -> float:
        return math.inf if self._file is None else self._file.due_in(self._inbox.cursor)

    def _keep_cursor(self) -> None:
        """Not under the lock: others need not wait for a disk."""
        if self._file is not None:
            self._file.keep(self._inbox.cursor)


def _guarded(callback: Callable[..., None] | None, argument: Any) -> None:
    """Call it; what it raises is logged, and ends neither the thread nor the order."""
    if callback is None:
        return
    try:
        callback(argument)
    except BaseException:
        log.exception("a callback raised; what comes next goes on")
