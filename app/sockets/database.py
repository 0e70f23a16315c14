"""What a client is told when Postgres cannot be asked."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.errors import AppError
from app.observability import get_logger

log = get_logger(__name__)


@contextmanager
def database_answers() -> Iterator[None]:
    """Raise a retryable `AppError`, code `database_unavailable`, if the database does not answer."""
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeout) as error:
        cause = getattr(error, "orig", None) or error
        log.warning("database unavailable", cause=type(cause).__name__, reason=str(cause).strip())
        raise AppError(
            "The database does not answer in time. Try again shortly.",
            code="database_unavailable",
            retryable=True,
        ) from error
