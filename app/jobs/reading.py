"""Reading for a running job: its owner's rows out of Postgres, a batch at a time.

Forgetting whose rows are meant must not be possible. So the names in a query are those of `OWNED`, each
of which already holds the owner's rows alone, and the search path is empty, so that no other table has a
plain name. The transaction is read-only. This protects from forgetting and not from intent: a name with
its schema still reaches a table. Queries are code of the project, never made of a client's text.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, CursorResult, Engine, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from app.errors import AppError
from app.observability import get_logger

log = get_logger(__name__)

BATCH_ROWS = 500

PAUSE_SECONDS = 600
"""Longest pause between two batches.

Elsewhere a transaction may pause for some seconds only, so that a frozen process holds no row lock.
This one holds none. It may wait for a slow disk, but not for ever, since the rows that it can see
cannot be cleaned up. The limit for statements stays: each batch is a statement of its own.
"""

SETTINGS = (
    "search_path = ''",
    "timezone = 'UTC'",
    f"idle_in_transaction_session_timeout = '{PAUSE_SECONDS}s'",
)

OWNED = {
    "users": "SELECT id, email, role, created_at FROM {schema}.users WHERE id = :owner",
    "jobs": "SELECT * FROM {schema}.jobs WHERE user_id = :owner",
    "job_events": (
        "SELECT event.* FROM {schema}.job_events AS event"
        " JOIN {schema}.jobs AS job ON job.id = event.job_id WHERE job.user_id = :owner"
    ),
    "artifacts": (
        "SELECT file.* FROM {schema}.artifacts AS file"
        " JOIN {schema}.jobs AS job ON job.id = file.job_id WHERE job.user_id = :owner"
    ),
    "notifications": "SELECT * FROM {schema}.notifications WHERE user_id = :owner",
}
"""What a query may name, and the rows that it means."""


class OwnRows:
    """Everything that one user owns, as it was at the first query.

    It takes a connection of its own at the first query; `close` gives it back.

    Args:
        engine: of the database.
        owner: the user's id.
    """

    def __init__(self, engine: Engine, owner: UUID) -> None:
        self._engine, self._owner = engine, owner
        self._connection: Connection | None = None
        self._relations = ""

    def read(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Iterator[Any]:
        """See `app.job_types.base.JobContext.rows`."""
        with _explained():
            if self._connection is None:
                self._connection = self._begin()
            query = text(f"WITH {self._relations} ({sql}\n)")
            values = {**(parameters or {}), "owner": self._owner}
            # A cursor on the server: the driver would fetch all rows at once.
            options = {"stream_results": True, "yield_per": BATCH_ROWS}
            result = self._connection.execute(query, values, execution_options=options)
        return _batches(result)

    def close(self, *, in_order: bool = True) -> None:
        """End the transaction, whatever is still unread.

        Args:
            in_order: False if reading may have been interrupted anywhere: nobody else then gets the
                connection.
        """
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            if not in_order:
                connection.invalidate()
            connection.close()
        except DBAPIError as error:
            connection.invalidate()
            log.warning("reading not ended in order", reason=str(error.orig).strip())

    def _begin(self) -> Connection:
        connection = self._engine.connect()
        try:
            connection.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
            schema = connection.scalar(text("SELECT quote_ident(current_schema())"))
            relations = [f"{name} AS NOT MATERIALIZED ({rows})" for name, rows in OWNED.items()]
            self._relations = ", ".join(relations).format(schema=schema)
            for setting in SETTINGS:
                connection.execute(text(f"SET LOCAL {setting}"))
        except BaseException:
            connection.close()
            raise
        return connection


def _batches(result: CursorResult[Any]) -> Iterator[Any]:
    """The rows; an error while they come is explained, one in the hands of the caller is not."""
    while True:
        with _explained():
            batch = result.fetchmany(BATCH_ROWS)
        if not batch:
            return
        yield from batch


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        if error.connection_invalidated or isinstance(error, OperationalError | InterfaceError):
            raise AppError(
                "The database did not answer in time while rows were read. Start the job again.",
                code="database_unavailable",
                retryable=True,
            ) from error
        raise
