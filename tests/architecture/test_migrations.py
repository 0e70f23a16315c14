"""The migrations and the models say the same."""

from collections.abc import Iterator

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask

from app.config import Settings
from app.extensions import MIGRATIONS, Model, db, migrate
from app.factory import create_core
from app.standalone.servers import Servers
from tests.support.database import create_database, query
from tests.support.in_process import make_settings

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
COUNTS = "SELECT (SELECT count(*) FROM jobs), (SELECT count(*) FROM artifacts)"


@pytest.fixture
def empty(servers: Servers) -> Iterator[Flask]:
    """An app on an empty database."""
    core = create_core(make_settings(servers, create_database(servers)), role="test")
    with core.app_context():
        yield core
        db.engine.dispose()


def test_rows_survive_a_migration_forth_and_back(empty: Flask) -> None:
    url = db.engine.url.render_as_string(hide_password=False)
    config = migrate.get_config()
    command.upgrade(config, "0002")
    query(url, ROWS_OF_0002)
    for _ in range(2):
        command.upgrade(config, "0003")
        assert query(url, OWNERS) == [(2, 2)]
        command.downgrade(config, "0002")
        assert query(url, COUNTS) == [(3, 2)]


def test_a_migrated_database_has_the_tables_that_the_models_describe(settings: Settings) -> None:
    core = create_core(settings, role="test")
    with core.app_context():
        with db.engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            assert compare_metadata(context, Model.metadata) == []
        db.engine.dispose()


def test_migrations_are_numbered_without_a_gap() -> None:
    names = sorted(path.name for path in (MIGRATIONS / "versions").glob("*.py"))
    assert [name[:5] for name in names] == [f"{number:04}_" for number in range(1, len(names) + 1)]
