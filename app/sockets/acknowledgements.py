"""Storing what clients acknowledge, without keeping them waiting."""

from collections.abc import Callable
from typing import Any

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from app.errors import ServerBusy
from app.extensions import transaction
from app.notifications import inbox
from app.observability import get_logger
from app.sockets.connection import Connection
from app.sockets.limits import Slots

log = get_logger(__name__)

# Written at once; the others wait, so that the connection pool is left to REST. What a client
# acknowledges meanwhile goes with it.
WRITES_AT_ONCE = 4
WRITE_WAIT_SECONDS = 10.0


class Acknowledgements:
    """Writes the newest acknowledgement of a connection; those that arrive meanwhile go together.

    Args:
        app: for its contexts.
        spawn: starts a function on a green thread.
        sleep: lets other green threads run for so many seconds.
    """

    def __init__(
        self, app: Flask, spawn: Callable[..., Any], sleep: Callable[[float], Any]
    ) -> None:
        self._app, self._spawn, self._sleep = app, spawn, sleep
        self._writes = Slots(WRITES_AT_ONCE, WRITE_WAIT_SECONDS)

    def store_soon(self, connection: Connection) -> None:
        """Write what is not written yet; also takes up what an outage interrupted."""
        if not connection.storing and connection.acked > connection.acked_stored:
            connection.storing = True
            self._spawn(self._store, connection)

    def _store(self, connection: Connection) -> None:
        try:
            while connection.acked_stored < connection.acked:
                self._sleep(connection.writes.pause())
                with self._writes.one():
                    self._write(connection)
        except (SQLAlchemyError, ServerBusy) as error:
            log.warning("acknowledgement not stored, tried again soon", reason=str(error))
        finally:
            connection.storing = False

    def _write(self, connection: Connection) -> None:
        seq = connection.acked
        with self._app.app_context(), transaction():
            inbox.acknowledge(connection.identity.user_id, connection.device, seq)
        connection.acked_stored = seq
