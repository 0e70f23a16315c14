"""Bringing the database to the present schema: one process at a time."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from alembic import command
from alembic.util import CommandError
from flask import Flask
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from app.accounts.demo import add_demo_users
from app.errors import AppError
from app.extensions import db, unreachable
from app.extensions import migrate as migrations
from app.observability import get_logger
from app.services import services

LOCK_KEY = 0x52494E47424143  # "RINGBAC": a number that nothing else in this database locks.
LOCK_WAIT_SECONDS = 600
LOCK_PAUSE_SECONDS = 0.2
_log = get_logger(__name__)


def migrate(app: Flask) -> None:
    """Run the migrations that are missing; with the setting `demo_users`, add the demo users.

    A second call that runs at the same time waits for the first and then finds nothing to do.

    Raises:
        AppError: `database_unavailable`, or `migration_failed` when the database is not one that
            this version knows, or another migration does not end.
    """
    with app.app_context(), _alone() as connection:
        _upgrade(connection)
        settings = services().settings
        if settings.demo_users:
            add_demo_users(settings)
    _log.info("database migrated")


def _upgrade(connection: Connection) -> None:
    config = migrations.get_config()
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "heads")
    except CommandError as error:
        raise AppError(
            f"The database cannot be migrated: {error}. Was it made by a newer version?",
            code="migration_failed",
        ) from error
    connection.commit()


@contextmanager
def _alone() -> Iterator[Connection]:
    """A connection that holds the lock against other migrations, in no transaction.

    It is closed at the end, not given back: its limits were changed.
    """
    connection = _connect()
    try:
        connection.execute(text("SET statement_timeout = 0"))
        connection.commit()
        _lock(connection)
        yield connection
    finally:
        if not connection.invalidated:
            connection.detach()
        connection.close()


def _lock(connection: Connection) -> None:
    """Ask again and again: to build an index waits for all statements that are under way.

    So who waited for the lock inside a statement would be waited for by the one that holds it.
    """
    deadline = time.monotonic() + LOCK_WAIT_SECONDS
    lock = text("SELECT pg_try_advisory_lock(:key)")
    while not connection.scalar(lock, {"key": LOCK_KEY}):
        connection.commit()
        if time.monotonic() > deadline:
            raise AppError(
                f"Another migration has been at work for {LOCK_WAIT_SECONDS} s. Wait for its end, or "
                "look in pg_stat_activity for what it waits for; then migrate again.",
                code="migration_failed",
                retryable=True,
            )
        time.sleep(LOCK_PAUSE_SECONDS)
    connection.commit()


def _connect() -> Connection:
    try:
        return db.engine.connect()
    except OperationalError as error:
        raise unreachable(error) from error
