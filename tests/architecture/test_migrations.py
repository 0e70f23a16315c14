"""The migrations and the models say the same."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from app.config import Settings
from app.extensions import MIGRATIONS, Model, db
from app.extensions import migrate as migrations
from app.factory import create_core
from app.migrate import migrate
from app.standalone.servers import Servers
from tests.support.database import connect, create_database, query
from tests.support.in_process import make_settings
from tests.support.waiting import wait_for

# Two users; each has a job that succeeded with a file, and one of them a job that goes on.
ROWS_OF_0002 = """
INSERT INTO users (id, email, password_hash, role, active)
SELECT gen_random_uuid(), name || '@example.com', 'x', 'user', true FROM (VALUES ('a'), ('b')) u (name);
INSERT INTO jobs (id, user_id, type, params, state, progress, progress_message, version, attempt,
  max_attempts, fence, queue, priority, dispatches, finished_at, idempotency_key)
SELECT gen_random_uuid(), id, 'add', '{}', 'succeeded', 1, '', 3, 1, 3, 1, 'default', 5, 1, now(), 'k'
FROM users;
INSERT INTO jobs (id, user_id, type, params, state, progress, progress_message, version, attempt,
  max_attempts, fence, queue, priority, dispatches)
SELECT gen_random_uuid(), id, 'add', '{}', 'queued', 0, '', 1, 1, 3, 0, 'default', 5, 1
FROM users WHERE email = 'a@example.com';
INSERT INTO artifacts (id, job_id, name, media_type, size, sha256, storage_key, expires_at)
SELECT gen_random_uuid(), id, 'a.txt', 'text/plain', 1, '', id::text, now() FROM jobs
WHERE state = 'succeeded'
"""
OWNERS = """
SELECT count(*), count(*) FILTER (WHERE artifacts.user_id = jobs.user_id)
FROM artifacts JOIN jobs ON jobs.id = artifacts.job_id
"""
# Each of the two has three notifications, and one has read two of them.
INBOXES_OF_0003 = """
INSERT INTO inboxes (user_id, head_seq) SELECT id, 3 FROM users;
INSERT INTO notifications (user_id, seq, id, type, title, body, data, final, expires_at, read_at)
SELECT users.id, seq, gen_random_uuid(), 'test', '', '', '{}', false, now(),
  CASE WHEN seq < 3 AND email = 'a@example.com' THEN now() END
FROM users, generate_series(1, 3) seq
"""
READ = "SELECT email, read_seq FROM inboxes JOIN users ON users.id = user_id ORDER BY email"
COUNTS = "SELECT (SELECT count(*) FROM jobs), (SELECT count(*) FROM artifacts)"


# An index that is being built has to wait for a transaction that was there before.
BUILDING = """
SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
AND query LIKE 'CREATE%%INDEX CONCURRENTLY%%' AND now() - query_start > %s * interval '1 second'
"""
MIGRATIONS_AT_WORK = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'ringback-test'
"""
INVALID = "SELECT count(*) FROM pg_index WHERE NOT indisvalid"
LOCK_SECONDS = 0.5


@pytest.fixture
def empty(servers: Servers) -> Iterator[Flask]:
    """An app on an empty database."""
    settings = make_settings(
        servers, create_database(servers), lock_timeout_seconds=LOCK_SECONDS, demo_users=False
    )
    core = create_core(settings, role="test")
    with core.app_context():
        yield core
        db.engine.dispose()


@pytest.fixture
def url(empty: Flask) -> str:
    """Where the empty database is."""
    return db.engine.url.render_as_string(hide_password=False)


@contextmanager
def transaction_under_way(url: str) -> Iterator[None]:
    """One that holds no lock, but began before whatever happens inside."""
    with closing(connect(url)) as connection, connection.cursor() as cursor:
        cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        cursor.execute("SELECT 1")
        yield


def builder(url: str, seconds: float = 0) -> int:
    """Who has waited for so long to complete an index."""
    (pid,) = wait_for(lambda: query(url, BUILDING, seconds), "an index being built")[0]
    return int(pid)


def assert_models_fit() -> None:
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Model.metadata) == []


def test_rows_survive_a_migration_forth_and_back(empty: Flask, url: str) -> None:
    config = migrations.get_config()
    command.upgrade(config, "0002")
    query(url, ROWS_OF_0002)
    for _ in range(2):
        command.upgrade(config, "0003")
        assert query(url, OWNERS) == [(2, 2)]
        command.downgrade(config, "0002")
        assert query(url, COUNTS) == [(3, 2)]


def test_the_version_before_adds_jobs_and_files_to_the_present_schema(
    empty: Flask, url: str
) -> None:
    migrate(empty)
    query(url, ROWS_OF_0002)
    assert query(url, COUNTS) == [(3, 2)]
    assert query(url, OWNERS) == [(2, 0)]


def test_how_far_each_user_has_read_is_noted_and_the_version_before_goes_on(
    empty: Flask, url: str
) -> None:
    config = migrations.get_config()
    command.upgrade(config, "0003")
    query(url, ROWS_OF_0002)
    query(url, INBOXES_OF_0003)
    for _ in range(2):
        command.upgrade(config, "0004")
        assert query(url, READ) == [("a@example.com", 2), ("b@example.com", 0)]
        query(url, "TRUNCATE inboxes, notifications")
        query(url, INBOXES_OF_0003)
        assert query(url, READ) == [("a@example.com", 0), ("b@example.com", 0)]
        command.downgrade(config, "0003")


def test_inboxes_are_free_while_a_migration_waits_for_notifications(empty: Flask, url: str) -> None:
    config = migrations.get_config()
    command.upgrade(config, "0003")
    with closing(connect(url)) as holder, holder.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT FROM notifications")
        with pytest.raises(OperationalError):  # it waits for a while, but not for ever
            command.upgrade(config, "0004")
        cursor.execute("ROLLBACK")
    # What it had done before stands, so it was not locked meanwhile.
    assert query(url, READ) == []
    command.upgrade(config, "head")
    assert_models_fit()


def test_a_migration_that_was_cut_off_can_be_given_again(empty: Flask, url: str) -> None:
    command.upgrade(migrations.get_config(), "0002")
    query(url, ROWS_OF_0002)
    with ThreadPoolExecutor() as pool, transaction_under_way(url):
        cut_off = pool.submit(migrate, empty)
        query(url, "SELECT pg_terminate_backend(%s)", builder(url))
        with pytest.raises(SQLAlchemyError):
            cut_off.result(60)
    assert query(url, INVALID) == [(1,)]
    migrate(empty)
    assert query(url, INVALID) == [(0,)]
    assert query(url, OWNERS) == [(2, 2)]
    assert_models_fit()


def test_indexes_for_everybodys_jobs_that_were_cut_off_are_built_again(
    empty: Flask, url: str
) -> None:
    command.upgrade(migrations.get_config(), "0004")
    with ThreadPoolExecutor() as pool, transaction_under_way(url):
        cut_off = pool.submit(migrate, empty)
        query(url, "SELECT pg_terminate_backend(%s)", builder(url))
        with pytest.raises(SQLAlchemyError):
            cut_off.result(60)
    assert query(url, INVALID) == [(1,)]
    migrate(empty)
    assert query(url, INVALID) == [(0,)]
    assert_models_fit()
    command.downgrade(migrations.get_config(), "0004")
    migrate(empty)
    assert_models_fit()


def test_two_migrations_at_once_wait_for_what_is_under_way_and_not_for_each_other(
    empty: Flask, url: str
) -> None:
    with ThreadPoolExecutor() as pool, transaction_under_way(url):
        first = pool.submit(migrate, empty)
        builder(url)
        second = pool.submit(migrate, empty)
        wait_for(lambda: query(url, MIGRATIONS_AT_WORK) == [(2,)], "a second migration")
        builder(url, LOCK_SECONDS * 2)
    for each in (first, second):
        each.result(60)
    assert_models_fit()


def test_a_migrated_database_has_the_tables_that_the_models_describe(settings: Settings) -> None:
    core = create_core(settings, role="test")
    with core.app_context():
        assert_models_fit()
        db.engine.dispose()


def test_migrations_are_numbered_without_a_gap() -> None:
    names = sorted(path.name for path in (MIGRATIONS / "versions").glob("*.py"))
    assert [name[:5] for name in names] == [f"{number:04}_" for number in range(1, len(names) + 1)]
