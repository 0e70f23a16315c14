"""One live connection, and all of them."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from app.accounts.tokens import Identity
from app.sockets.limits import Pace
from app.sockets.outbox import Outbox, Payload

# Notifications a connection remembers to have handed over, until they are acknowledged.
UNACKNOWLEDGED = 20
# Acknowledgements of one connection that are written in a second; each makes a row.
WRITES_PER_SECOND = 1.0


@dataclass
class Connection:
    """A client that passed the handshake.

    Attributes:
        sid: Socket.IO's session id.
        identity: whose it is; replaced when the client hands in a new token.
        device: the client's own name for itself, for acknowledgements.
        unread: unread notifications at the handshake.
        acked: highest number acknowledged; `acked_stored`: what of it is in Postgres.
        writes: keeps the writing of acknowledgements apart.
        rung: highest number that was there at the handshake, or was handed over since.
        passed: highest number that was handed over here.
        repeats: keeps apart the pages that were handed over before, of all the user's connections.
        hinted: highest number there at the handshake, or told by a hint since.
        found: highest number that reconcile has found.
        is_ready: whether the client was sent `ready`.
        read: highest number of which the client was told that it is read.
        read_later: the event `read` that came before `ready`.
        unacknowledged: number and time (seconds since the epoch) of the last ones handed over live.
        closed_because: code of the error for which the server closes it.
    """

    sid: str
    identity: Identity
    device: str
    outbox: Outbox
    unread: int = 0
    acked: int = 0
    acked_stored: int = 0
    storing: bool = field(default=False)
    writes: Pace = field(default_factory=lambda: Pace(WRITES_PER_SECOND))
    rung: int = 0
    passed: int = 0
    repeats: Pace | None = None
    hinted: int = 0
    found: int = 0
    is_ready: bool = False
    read: int = 0
    read_later: Payload | None = None
    unacknowledged: deque[tuple[int, float]] = field(
        default_factory=lambda: deque(maxlen=UNACKNOWLEDGED)
    )
    closed_because: str = ""

    @property
    def known(self) -> int:
        """The highest number that was sent here, or that Postgres has told of; hints may be wrong."""
        return max(self.rung, self.found)


class Connections:
    """The connections of this process, by id and by user.

    Attributes:
        session_changes: how often this process was told that a session of anybody ended or changed.
    """

    def __init__(self) -> None:
        self.session_changes = 0
        self._by_sid: dict[str, Connection] = {}
        self._by_user: dict[str, dict[str, Connection]] = {}

    def __len__(self) -> int:
        return len(self._by_sid)

    def __iter__(self) -> Iterator[Connection]:
        return iter(list(self._by_sid.values()))

    @property
    def users(self) -> int:
        """How many users have a connection here."""
        return len(self._by_user)

    def add(self, connection: Connection) -> None:
        """Register."""
        self._by_sid[connection.sid] = connection
        user = str(connection.identity.user_id)
        self._by_user.setdefault(user, {})[connection.sid] = connection

    def get(self, sid: str) -> Connection | None:
        """By Socket.IO's session id."""
        return self._by_sid.get(sid)

    def of_user(self, user_id: str) -> list[Connection]:
        """All connections of one user in this process."""
        return list(self._by_user.get(user_id, {}).values())

    def remove(self, sid: str) -> Connection | None:
        """Forget it, and return it if it was known."""
        connection = self._by_sid.pop(sid, None)
        if connection is not None:
            user = str(connection.identity.user_id)
            mine = self._by_user[user]
            del mine[sid]
            if not mine:
                del self._by_user[user]
        return connection
