"""Storing what clients acknowledge, without keeping them waiting."""

from collections.abc import Callable
from typing import Any

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from app.extensions import transaction
from app.notifications import inbox
from app.observability import get_logger
from app.sockets.connection import Connection

log = get_logger(__name__)


class Acknowledgements:
    """Writes the newest acknowledgement of a connection; those that arrive meanwhile go together.

    Args:
        app: for its contexts.
        spawn: starts a function on a green thread.
    """

    def __init__(self, app: Flask, spawn: Callable[..., Any]) -> None:
        self._app, self._spawn = app, spawn

    def store_soon(self, connection: Connection) -> None:
        """Write what is not written yet; also takes up what an outage interrupted."""
        if not connection.storing and connection.acked > connection.acked_stored:
            connection.storing = True
            self._spawn(self._store, connection)

    def _store(self, connection: Connection) -> None:
        user_id = connection.identity.user_id
        try:
            while connection.acked_stored < connection.acked:
                seq = connection.acked
                with self._app.app_context(), transaction():
                    inbox.acknowledge(user_id, connection.device, seq)
                connection.acked_stored = seq
        except SQLAlchemyError as error:
            log.warning("acknowledgement not stored, tried again soon", reason=str(error))
        finally:
            connection.storing = False
