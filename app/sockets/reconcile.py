"""Reconcile: each server process asks Postgres what its connections may have missed.

This one loop heals a lost publish, a Redis outage, a deaf subscriber and a lost logout.
"""

from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from app.accounts.sessions import live_sessions
from app.delivery import events
from app.errors import Unauthenticated
from app.notifications import inbox
from app.notifications.view import read_view
from app.observability import get_logger
from app.operations.metrics import metrics
from app.services import services
from app.sockets.connection import Connection, Connections
from app.sockets.reading import Reading
from app.sockets.sender import Sender

log = get_logger(__name__)

IDS_PER_QUERY = 1000


class Reconciler:
    """Compares connections with rows.

    Args:
        connections: those of this process.
        sender: sends to connections, and ends them.
        reading: tells connections what is read.
        resume: takes up what an outage interrupted.
        spawn: starts a function on a green thread.
    """

    def __init__(
        self,
        app: Flask,
        connections: Connections,
        sender: Sender,
        reading: Reading,
        resume: Callable[[Connection], None],
        spawn: Callable[..., Any],
    ) -> None:
        self._app, self._connections = app, connections
        self._sender, self._reading = sender, reading
        self._resume, self._spawn = resume, spawn
        self._turns, self._lost = metrics(app).reconcile_turns, metrics(app).hints_lost
        self._turning = self._wanted = False
        with app.app_context():
            self._seconds = services().settings.reconcile_seconds

    def run(self, sleep: Callable[[float], None]) -> None:
        """Turn for ever."""
        while True:
            sleep(self._seconds)
            self.turn()

    def turn(self) -> None:
        """Look at every connection once; an outage of the database is left to the next turn.

        While a turn is under way, all that are asked for become one more, after it.
        """
        self._wanted = True
        if self._turning:
            return
        self._turning = True
        try:
            while self._wanted:
                self._wanted = False
                self._turn()
        finally:
            self._turning = False

    def _turn(self) -> None:
        try:
            for user_id in self._check(list(self._connections)):
                self._tell_of_sessions(user_id)
            self._compare_inboxes()
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
        """Look at one user's connections now: a session of theirs has ended or changed.

        Those that remain are told, for they may serve pages that signed in by themselves.
        """
        try:
            self._check(self._connections.of_user(user_id))
        except SQLAlchemyError as error:
            log.warning("session check failed, left to the next turn", reason=str(error))
        self._tell_of_sessions(user_id)

    def check_if_changed(self, connection: Connection, changes: int) -> None:
        """Look once more at a token that was verified just now.

        Its session may have ended while the connection did not have it yet, and was passed over.

        Args:
            changes: `Connections.session_changes` from before the token was verified.
        """
        if changes != self._connections.session_changes:
            self._spawn(self._check_one, connection)

    def _check_one(self, connection: Connection) -> None:
        """Tell the user's others only if it has ended: mostly it was somebody else's that changed."""
        try:
            for user_id in self._check([connection]):
                self._tell_of_sessions(user_id)
        except SQLAlchemyError as error:
            log.warning("session check failed, left to the next turn", reason=str(error))

    def _check(self, connections: list[Connection]) -> set[str]:
        """Close those whose session has ended; returns whose they were."""
        asked = [(connection, connection.identity.session_id) for connection in connections]
        live: set[UUID] = set()
        for chunk in _chunks({session_id for _, session_id in asked}):
            with self._app.app_context():
                live |= live_sessions(chunk)
        closed = set()
        for connection, session_id in asked:
            # It may have been given a token of another session meanwhile.
            if session_id not in live and connection.identity.session_id == session_id:
                error = Unauthenticated("This session has ended.", code="token_revoked")
                self._sender.end(connection, error)
                closed.add(str(connection.identity.user_id))
        return closed

    def _tell_of_sessions(self, user_id: str) -> None:
        for connection in self._connections.of_user(user_id):
            if connection.is_ready:
                self._sender.emit(connection, events.SESSIONS, {})

    def _compare_inboxes(self) -> None:
        """Send what a connection was not sent yet, and tell what it was not told to be read."""
        users = {connection.identity.user_id for connection in self._connections}
        for chunk in _chunks(users):
            with self._app.app_context():
                marks = inbox.marks(chunk)
                states = inbox.summaries(self._untold(marks))
            for user_id, mark in marks.items():
                for connection in self._connections.of_user(str(user_id)):
                    self._count_lost_hints(connection, mark.head)
                    connection.outbox.want(mark.head)
                    if user_id in states:
                        self._reading.tell(connection, read_view(states[user_id]))

    def _untold(self, marks: dict[UUID, inbox.Marks]) -> list[UUID]:
        """The users with a connection that does not know how far they have read."""
        return [
            user_id
            for user_id, mark in marks.items()
            if any(each.read < mark.read for each in self._connections.of_user(str(user_id)))
        ]

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
