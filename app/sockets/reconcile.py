"""Reconcile: each server process asks Postgres what its connections may have missed.

This one loop heals a lost publish, a Redis outage, a deaf subscriber and a lost logout.
"""

from collections.abc import Callable, Iterable
from uuid import UUID

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from app.accounts.sessions import live_sessions
from app.errors import AppError, Unauthenticated
from app.notifications import inbox
from app.observability import get_logger
from app.operations.metrics import metrics
from app.services import services
from app.sockets.connection import Connection, Connections

log = get_logger(__name__)

IDS_PER_QUERY = 1000


class Reconciler:
    """Compares connections with rows.

    Args:
        connections: those of this process.
        close: says why and disconnects.
        resume: takes up what an outage interrupted.
    """

    def __init__(
        self,
        app: Flask,
        connections: Connections,
        close: Callable[[Connection, AppError], None],
        resume: Callable[[Connection], None],
    ) -> None:
        self._app, self._connections = app, connections
        self._close, self._resume = close, resume
        self._turns, self._lost = metrics(app).reconcile_turns, metrics(app).hints_lost
        with app.app_context():
            self._seconds = services().settings.reconcile_seconds

    def run(self, sleep: Callable[[float], None]) -> None:
        """Turn for ever."""
        while True:
            sleep(self._seconds)
            self.turn()

    def turn(self) -> None:
        """Look at every connection once; an outage of the database is left to the next turn."""
        try:
            self._check(list(self._connections))
            self._raise_wanted()
            for connection in self._connections:
                self._resume(connection)
            self._turns.labels("done").inc()
        except SQLAlchemyError as error:
            self._turns.labels("postponed").inc()
            log.warning("reconcile postponed to the next turn", reason=str(error))
        except Exception:
            # This loop heals the others: whatever happens, it goes on.
            self._turns.labels("failed").inc()
            log.exception("reconcile failed")

    def check_sessions(self, user_id: str) -> None:
        """Look at one user's connections now: a session of theirs has ended or changed."""
        try:
            self._check(self._connections.of_user(user_id))
        except SQLAlchemyError as error:
            log.warning("session check failed, left to the next turn", reason=str(error))

    def _check(self, connections: list[Connection]) -> None:
        asked = [(connection, connection.identity.session_id) for connection in connections]
        live: set[UUID] = set()
        for chunk in _chunks({session_id for _, session_id in asked}):
            with self._app.app_context():
                live |= live_sessions(chunk)
        for connection, session_id in asked:
            # It may have been given a token of another session meanwhile.
            if session_id not in live and connection.identity.session_id == session_id:
                error = Unauthenticated("This session has ended.", code="token_revoked")
                self._close(connection, error)

    def _raise_wanted(self) -> None:
        users = {connection.identity.user_id for connection in self._connections}
        for chunk in _chunks(users):
            with self._app.app_context():
                heads = inbox.heads(chunk)
            for user_id, head in heads.items():
                for connection in self._connections.of_user(str(user_id)):
                    self._count_lost_hints(connection, head)
                    connection.outbox.want(head)

    def _count_lost_hints(self, connection: Connection, head: int) -> None:
        """A hint that is still missing one turn after its row was found is not just on its way."""
        lost = connection.found - connection.hinted
        if lost > 0:
            self._lost.inc(lost)
            connection.hinted = connection.found
        connection.found = head


def _chunks(ids: Iterable[UUID]) -> Iterable[list[UUID]]:
    remaining = list(ids)
    while remaining:
        yield remaining[:IDS_PER_QUERY]
        remaining = remaining[IDS_PER_QUERY:]
