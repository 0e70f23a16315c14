"""One live connection, and all of them."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from app.accounts.tokens import Identity
from app.sockets.outbox import Outbox


@dataclass
class Connection:
    """A client that passed the handshake.

    Attributes:
        sid: Socket.IO's session id.
        identity: whose it is; replaced when the client hands in a new token.
        device: the client's own name for itself, for acknowledgements.
        unread: unread notifications at the handshake.
        acked: highest number acknowledged; `acked_stored`: what of it is in Postgres.
        rung: highest number that was there at the handshake, or was handed over since.
        hinted: highest number there at the handshake, or told by a hint since.
        found: highest number that reconcile has found.
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
    rung: int = 0
    hinted: int = 0
    found: int = 0
    closed_because: str = ""


class Connections:
    """The connections of this process, by id and by user."""

    def __init__(self) -> None:
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
