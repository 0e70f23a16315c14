"""The cursor: which notification is next, whatever order they arrive in. No threads, no sockets."""

from typing import Any

Notification = dict[str, Any]

# Notifications kept while a callback is busy; what does not fit is asked for again.
LIMIT = 10_000


class Inbox:
    """Gives each number once, in order.

    The official client hands every message to a thread of its own, so two of them may overtake
    each other, and `ready` too. What came too early is kept until it is its turn.

    Args:
        cursor: the last number that was handled; None: what comes after the first `ready`.
        limit: how many to keep.

    Attributes:
        cursor: the last number that was handled, or None before the first `ready`.
        head: the highest number that is known.
    """

    def __init__(self, cursor: int | None = None, limit: int = LIMIT) -> None:
        self.cursor = cursor
        self.head = 0
        self._limit = limit
        self._waiting: dict[int, Notification] = {}
        self._is_placed = False
        self._has_dropped = False

    def reconnecting(self) -> None:
        """A new connection begins: it will bring all above the cursor."""
        self._waiting.clear()
        self._is_placed = self._has_dropped = False

    def ready(self, head: int) -> None:
        """Where the inbox stands. A head below the cursor: an older database was put back."""
        if self.cursor is None or self.cursor > head:
            self.cursor = head
        self.head = max(head, self.cursor)
        self._is_placed = True
        self._forget_handled()

    def offer(self, notification: Notification) -> None:
        """Take in one that has arrived; one that was handled is dropped."""
        seq = notification["seq"]
        self.head = max(self.head, seq)
        if self.cursor is not None and self._is_placed and seq <= self.cursor:
            return
        if len(self._waiting) >= self._limit and not self._is_next(seq):
            self._has_dropped = True
            return
        self._waiting[seq] = notification

    def next(self) -> Notification | None:
        """The one whose turn it is, if it is there. `done` says that it was handled."""
        if not self._is_placed or self.cursor is None:
            return None
        return self._waiting.get(self.cursor + 1)

    def done(self, seq: int) -> None:
        """Move the cursor over a notification that `next` gave.

        After an older database was put back meanwhile, this number means another one: nothing moves.
        """
        if self.cursor is not None and seq == self.cursor + 1:
            self.cursor = seq
            self._waiting.pop(seq, None)

    @property
    def has_gap(self) -> bool:
        """Whether something is missing: higher numbers are there and the next one is not."""
        return (
            self._is_placed and self.next() is None and (bool(self._waiting) or self._has_dropped)
        )

    def asked_again(self) -> None:
        """All above the cursor was asked for once more."""
        self._has_dropped = False

    @property
    def is_complete(self) -> bool:
        """Whether all that is known to exist was handled."""
        return self._is_placed and self.cursor is not None and self.cursor >= self.head

    def _is_next(self, seq: int) -> bool:
        return self._is_placed and self.cursor is not None and seq == self.cursor + 1

    def _forget_handled(self) -> None:
        cursor = self.cursor or 0
        self._waiting = {seq: each for seq, each in self._waiting.items() if seq > cursor}
