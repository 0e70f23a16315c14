"""The outbox of one connection: every notification once, in order, whatever the source.

`sent` is the number of the last notification sent, `wanted` the highest one that exists. A hint, a
replay and the reconciliation do one thing only: they raise `wanted`. One drainer, alive only while
`sent < wanted`, sends what lies between: the hint's payload if it is the next in turn, else rows.

All of it runs on green threads, which switch only where something waits; there are no locks.
"""

from collections.abc import Callable, Sequence
from typing import Any

from app.observability import get_logger

log = get_logger(__name__)

PAGE = 100
MAX_HINTS = 20  # kept for each connection, so they must not get large

Payload = dict[str, Any]


class Outbox:
    """Counts what one connection was sent.

    Args:
        fetch: `(after, limit)` -> the notifications numbered above `after`, in order.
        send: sends one notification; waits while the connection is congested; False once it is gone.
        spawn: starts a function on a green thread.
    """

    def __init__(
        self,
        *,
        fetch: Callable[[int, int], Sequence[Payload]],
        send: Callable[[Payload], bool],
        spawn: Callable[[Callable[[], None]], object],
    ) -> None:
        self.sent = 0
        self.wanted = 0
        self._fetch, self._send, self._spawn = fetch, send, spawn
        self._hints: dict[int, Payload] = {}
        self._open = False
        self._draining = False
        self._rewinds = 0

    @property
    def is_open(self) -> bool:
        """Whether the client may be sent events."""
        return self._open

    @property
    def depth(self) -> int:
        """How many notifications are still to be sent."""
        return max(0, self.wanted - self.sent)

    def place(self, after: int | None, head: int) -> None:
        """Say where the client is; before `open`.

        Args:
            after: the client's cursor; None: it wants only what is new.
            head: the highest number that exists. No cursor lies beyond it.
        """
        self.sent = head if after is None else min(after, head)
        self.wanted = max(self.wanted, head)

    def open(self) -> None:
        """The client is connected: sending may begin."""
        self._open = True
        self._start()

    def close(self) -> None:
        """The client is gone."""
        self._open = False
        self._hints.clear()

    def want(self, seq: int, hint: Payload | None = None) -> None:
        """There is a notification of this number; `hint` is what it says, if that is known."""
        if hint is not None and self.sent < seq <= self.sent + MAX_HINTS:
            self._hints[seq] = hint
        self.wanted = max(self.wanted, seq)
        self._start()

    def rewind(self, after: int) -> None:
        """The client asks for everything above `after` once more."""
        if 0 <= after < self.sent:
            self.sent = after
            self._rewinds += 1
        self._start()

    def _start(self) -> None:
        if self._open and not self._draining and self.sent < self.wanted:
            self._draining = True
            self._spawn(self._drain)

    def _drain(self) -> None:
        try:
            while self._open and self.sent < self.wanted:
                wanted, rewinds = self.wanted, self._rewinds
                batch = self._next()
                if rewinds != self._rewinds:
                    continue  # it came while rows were waited for: they are not the next ones
                if not batch and wanted == self.wanted:
                    # A hint may name what does not exist (any more): Postgres decides.
                    self.wanted = self.sent
                self._send_all(batch)
        except Exception as error:  # noqa: BLE001
            # The rows stand; the next hint or the next reconciliation starts anew.
            log.warning("drain interrupted", reason=f"{type(error).__name__}: {error}")
        finally:
            self._draining = False

    def _next(self) -> Sequence[Payload]:
        hint = self._hints.pop(self.sent + 1, None)
        if hint is not None:
            return [hint]
        batch = self._fetch(self.sent, PAGE)
        self._hints = {seq: hint for seq, hint in self._hints.items() if seq > self.sent}
        return batch

    def _send_all(self, batch: Sequence[Payload]) -> None:
        rewinds = self._rewinds
        for payload in batch:
            if rewinds != self._rewinds or not self._open:
                return
            if payload["seq"] <= self.sent:
                continue
            if not self._send(payload):
                return self.close()
            if rewinds == self._rewinds:  # `send` may have waited, and a rewind come meanwhile
                self.sent = payload["seq"]
