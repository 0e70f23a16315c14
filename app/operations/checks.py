"""What is asked of the database and of Redis to know whether they do their work."""

from collections.abc import Callable
from functools import cache

import redis
from alembic.script import ScriptDirectory
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import Engine, QueuePool, text
from sqlalchemy.exc import ProgrammingError

from app.extensions import MIGRATIONS
from app.operations.readiness import Unfit

REDIS_SECONDS = 1.0
MIGRATE = "run `python -m app migrate`"


def database(engine: Engine) -> Callable[[], str]:
    """Checks that Postgres answers and has the schema that this version needs.

    A newer schema is fine: an upgrade migrates first, while the version before it still runs.
    """

    def check() -> str:
        try:
            with engine.connect() as connection:
                found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        except ProgrammingError as error:
            raise Unfit(f"there is no schema: {MIGRATE}") from error
        older, newest = _revisions()
        if found in older or found is None:
            raise Unfit(f"the schema is older than this version: {MIGRATE}")
        return "" if found == newest else "the schema is newer than this version"

    return check


def free_connection(engine: Engine, limit: int) -> Callable[[], str]:
    """Checks that requests need not wait for a connection of their pool.

    Args:
        limit: connections that the pool gives out at most.
    """

    def check() -> str:
        if connections_in_use(engine) >= limit:
            raise Unfit("all database connections of this server are in use")
        return ""

    return check


def connections_in_use(engine: Engine) -> int:
    """How many connections of the pool are given out."""
    assert isinstance(engine.pool, QueuePool)
    return engine.pool.checkedout()


def redis_server(url: str) -> Callable[[], str]:
    """Checks that Redis lets this process in and answers."""

    def check() -> str:
        client = redis.Redis.from_url(
            url,
            socket_timeout=REDIS_SECONDS,
            socket_connect_timeout=REDIS_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        with client:
            client.ping()
        return ""

    return check


@cache
def _revisions() -> tuple[frozenset[str], str]:
    """The migrations that this version knows: all but the newest, and the newest."""
    scripts = ScriptDirectory(str(MIGRATIONS))
    newest = scripts.get_current_head() or ""
    return frozenset(each.revision for each in scripts.walk_revisions()) - {newest}, newest
