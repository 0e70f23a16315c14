"""The packets of one Engine.IO session that are not sent yet: counted, and never without end.

Engine.IO's own queue has no end, and whoever sends takes all of it at once, out of sight. This one
hands over a few packets at a time and counts those in the sender's hands with those that wait.
"""

from typing import Any

# What one hand-over takes at most. The official Python client refuses a longer answer to a poll.
HANDED_PACKETS = 16
HANDED_BYTES = 64 * 1024
# From here on the session is congested: whoever can wait, waits.
CONGESTED_PACKETS = 64
CONGESTED_BYTES = 128 * 1024
# From here on nothing more is taken: the client is to be cut off.
MOST_PACKETS = 1024
MOST_BYTES = 512 * 1024
# What an object around the text of a packet takes, roughly.
PACKET_BYTES = 256


class PacketQueue:
    """What a session's queue does beside what the queue of the green-thread engine does.

    Attributes:
        empty: what the engine's queue raises when there is nothing to get.
        overflowed: it was full, and what came since is lost.
    """

    empty: type[Exception]

    def __init__(self) -> None:
        super().__init__()
        self.overflowed = False
        self._packets = self._bytes = 0
        self._handed_packets = self._handed_bytes = 0

    @property
    def unsent(self) -> int:
        """Bytes that wait or are on their way out, roughly."""
        return self._bytes + self._handed_bytes

    @property
    def congested(self) -> bool:
        """Whether the client should read before it is sent more."""
        packets = self._packets + self._handed_packets
        return packets >= CONGESTED_PACKETS or self.unsent >= CONGESTED_BYTES

    def put(self, item: Any, *args: Any, **options: Any) -> None:
        """Take a packet, or the None after the last one; what is too much is dropped."""
        if item is not None:  # which wakes the sender for the last time
            full = self._packets >= MOST_PACKETS or self.unsent >= MOST_BYTES
            self.overflowed = self.overflowed or full
            if self.overflowed:
                return
            self._packets += 1
            self._bytes += _size(item)
        super().put(item, *args, **options)  # type: ignore[misc]  # the engine's

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """The next packet; `block` begins a hand-over, which goes on without until it is full."""
        if block:  # asked for once all of the last hand-over was sent
            self._handed_packets = self._handed_bytes = 0
        elif self._handed_packets >= HANDED_PACKETS or self._handed_bytes >= HANDED_BYTES:
            raise self.empty
        item = super().get(block, timeout)  # type: ignore[misc]  # the engine's
        if item is not None:
            size = _size(item)
            self._packets -= 1
            self._bytes -= size
            self._handed_packets += 1
            self._handed_bytes += size
        return item

    def join(self, *_: Any) -> None:
        """Return at once: a client that never reads would hold up whoever closes it."""


def packet_queue(queue: type, empty: type[Exception]) -> type:
    """The class of queues for Engine.IO on an engine's own class, which raises `empty`."""
    return type("EnginePacketQueue", (PacketQueue, queue), {"empty": empty})


def _size(packet: Any) -> int:
    return PACKET_BYTES + (len(packet.data) if isinstance(packet.data, str | bytes) else 0)
