"""Unbound Flask extensions and the base of all tables. `app.factory` binds them.

The Socket.IO server is not here: each app has one of its own, made by `app.sockets`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from flask import Flask
from flask_jwt_extended import JWTManager
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session as FlaskSession
from sqlalchemy import DateTime, MetaData, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import DeclarativeBase, Session, registry
from uuid_utils.compat import uuid7

from app.config import Settings
from app.errors import AppError

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Model(DeclarativeBase):
    """Base of all tables; its naming rule lets a migration name what it drops."""

    # A registry, not its parts: Flask-SQLAlchemy makes a second base out of this class.
    registry = registry(
        metadata=MetaData(naming_convention=NAMING),
        type_annotation_map={
            str: Text,
            datetime: DateTime(timezone=True),
            dict[str, Any]: JSONB(none_as_null=True),
        },
    )


def new_id() -> UUID:
    """A UUIDv7: unique, and in the order of making (within a millisecond, of one process)."""
    return uuid7()


class ContextSession(FlaskSession):
    """The session of a context."""

    def close(self) -> None:
        """Let go of the connection, also of one that is lost.

        A request that only read has its answer by now; the rollback of what it read is no reason to
        take that answer back.
        """
        try:
            super().close()
        except (OperationalError, InterfaceError) as error:
            if not is_away(error):
                raise
            self.invalidate()


# What a transaction read stays readable after its commit: a row is often shown or published then.
db = SQLAlchemy(
    model_class=Model, session_options={"class_": ContextSession, "expire_on_commit": False}
)
migrate = Migrate()
jwt = JWTManager()


@contextmanager
def transaction() -> Iterator[Session]:
    """One transaction on the context's session: committed at the end, or rolled back whole."""
    try:
        yield db.session()
        db.session.commit()
    except BaseException:
        db.session.rollback()
        raise


# admin_shutdown, crash_shutdown, cannot_connect_now of Postgres' appendix A.
SHUTDOWN_CODES = {"57P01", "57P02", "57P03"}

# A server runs many requests at once on green threads; each holds a connection only while it
# queries. Waiting longer than this for a free one is an error that says so.
POOL_SIZE = 10
POOL_OVERFLOW = 10
POOL_WAIT_SECONDS = 10
# Whoever watches the database has a pool of its own: it must see also when requests see nothing.
OBSERVER = "observer"
OBSERVER_POOL_SIZE = 2
OBSERVER_SECONDS = 1.0


def unreachable(error: OperationalError) -> AppError:
    """What to tell somebody at a command line whose database does not answer."""
    return AppError(
        f"The database does not answer: {str(error.orig).strip()}\n"
        "Start Postgres, or correct RINGBACK_DATABASE_URL.",
        code="database_unavailable",
        retryable=True,
    )


def bind_database(app: Flask, settings: Settings, role: str) -> None:
    """Bind `db` and `migrate` to the app; opens no connection.

    Every connection limits statements, lock waits and idle transactions, so that a frozen process
    cannot hold a row lock for long, and uses keepalives, so that a vanished peer is noticed.

    Args:
        role: shown as `application_name` in `pg_stat_activity`.
    """
    url = settings.database_url.get_secret_value()
    options = _engine_options(settings, role, settings.statement_timeout_seconds)
    observing = _engine_options(settings, role, OBSERVER_SECONDS)
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = options | {
        "pool_size": POOL_SIZE,
        "max_overflow": POOL_OVERFLOW,
        "pool_timeout": POOL_WAIT_SECONDS,
    }
    app.config["SQLALCHEMY_BINDS"] = {
        OBSERVER: observing | {"url": url, "pool_size": OBSERVER_POOL_SIZE, "max_overflow": 0}
    }
    db.init_app(app)
    migrate.init_app(app, db, directory=str(MIGRATIONS))


def _engine_options(settings: Settings, role: str, statement_seconds: float) -> dict[str, Any]:
    limits = {
        "statement_timeout": statement_seconds,
        "lock_timeout": settings.lock_timeout_seconds,
        "idle_in_transaction_session_timeout": settings.idle_transaction_timeout_seconds,
    }
    return {
        "pool_pre_ping": True,
        "hide_parameters": True,  # An error in the log shows no password hash and no address.
        "connect_args": {
            "application_name": f"ringback-{role}",
            "connect_timeout": 5,
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 20_000,
            "options": " ".join(f"-c {name}={value * 1000:.0f}" for name, value in limits.items()),
        },
    }


def is_away(error: Exception) -> bool:
    """Whether the database could not be reached, or ended the connection to shut down.

    Other operational errors (a lock not given, a statement that took too long, a deadlock) come
    from a database that works.
    """
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    code = getattr(error.orig, "pgcode", None)
    return code is None or code.startswith("08") or code in SHUTDOWN_CODES
