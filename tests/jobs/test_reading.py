"""Rows for a running job: whose they are, what they are made of, and what is left behind."""

import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError, ProgrammingError

from app.config import Settings
from app.errors import AppError
from app.extensions import db
from app.factory import create_core
from app.jobs.reading import BATCH_ROWS, OWNED, OwnRows
from tests.support.activity import add_jobs, add_user
from tests.support.database import query
from tests.support.in_process import settings  # noqa: F401  # a fixture

COUNT = 2 * BATCH_ROWS + 7
IDLE_SECONDS = 0.2
ROLE = "reading"


@pytest.fixture
def url(settings: Settings) -> str:  # noqa: F811
    return settings.database_url.get_secret_value()


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:  # noqa: F811
    """One that lets ordinary transactions pause only briefly."""
    impatient = settings.model_copy(update={"idle_transaction_timeout_seconds": IDLE_SECONDS})
    with create_core(impatient, role=ROLE).app_context():
        yield db.engine
        db.engine.dispose()


@pytest.fixture
def owner(url: str) -> UUID:
    """Somebody with `COUNT` jobs; another user has as many."""
    owner, _ = add_user(url)
    other, _ = add_user(url, "admin")
    for each in (owner, other):
        add_jobs(url, each, COUNT)
    return owner


@pytest.fixture
def own_rows(engine: Engine, owner: UUID) -> Iterator[OwnRows]:
    with closing(OwnRows(engine, owner)) as own_rows:
        yield own_rows


def read(own_rows: OwnRows, sql: str, **parameters: Any) -> list[Any]:
    return list(own_rows.read(sql, parameters))


def in_transaction(url: str) -> list[tuple[Any, ...]]:
    """The processes of Postgres that hold a transaction for this module's engine."""
    return query(
        url,
        "SELECT pid, state FROM pg_stat_activity"
        " WHERE application_name = %s AND datname = current_database() AND state <> 'idle'",
        f"ringback-{ROLE}",
    )


def test_every_relation_holds_the_owners_rows_and_nobody_elses(
    own_rows: OwnRows, owner: UUID, url: str
) -> None:
    query(
        url,
        "INSERT INTO artifacts"
        " (id, user_id, job_id, name, media_type, size, sha256, storage_key, expires_at)"
        " SELECT gen_random_uuid(), user_id, id, 'a', 'b', 1, 'c', id::text,"
        " now() + interval '1 day' FROM jobs",
    )
    whose = {
        "users": "SELECT count(*), bool_and(id = :expected) FROM users",
        "jobs": "SELECT count(*), bool_and(user_id = :expected) FROM jobs",
        "notifications": "SELECT count(*), bool_and(user_id = :expected) FROM notifications",
        "job_events": "SELECT count(*), bool_and(job_id IN (SELECT id FROM jobs)) FROM job_events",
        "artifacts": "SELECT count(*), bool_and(job_id IN (SELECT id FROM jobs)) FROM artifacts",
    }
    assert set(whose) == set(OWNED)
    for name, sql in whose.items():
        expected = 1 if name == "users" else COUNT
        # A parameter of the name that stands for the owner changes nothing.
        (row,) = read(own_rows, sql, expected=owner, owner=UUID(int=0))
        assert tuple(row) == (expected, True), name


@pytest.mark.parametrize("name", ["sessions", "inboxes", "acknowledgements", "alembic_version"])
def test_no_other_table_is_in_reach(own_rows: OwnRows, name: str) -> None:
    with pytest.raises(ProgrammingError, match="does not exist"):
        read(own_rows, f"SELECT * FROM {name}")


def test_a_password_hash_is_in_no_row(own_rows: OwnRows) -> None:
    (user,) = read(own_rows, "SELECT * FROM users")
    assert set(user._fields) == {"id", "email", "role", "created_at"}


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM jobs",
        "UPDATE jobs SET state = 'failed' RETURNING id",
        "SELECT 1) ; DELETE FROM public.jobs ; (SELECT 1",
        "SELECT nextval('public.job_events_id_seq')",
        "SELECT * FROM public.jobs FOR UPDATE",
    ],
)
def test_nothing_can_be_written(own_rows: OwnRows, sql: str, url: str) -> None:
    before = query(url, "SELECT count(*) FROM jobs")
    with pytest.raises(DBAPIError):
        read(own_rows, sql)
    own_rows.close()
    assert query(url, "SELECT count(*) FROM jobs") == before


def test_values_arrive_as_what_is_documented(own_rows: OwnRows, owner: UUID) -> None:
    (row,) = read(
        own_rows,
        "SELECT user_id, params, created_at, progress, 1.50 AS exact, 'a:b%' AS plain, NULL AS none"
        " FROM jobs WHERE params->>'number' = ANY(:numbers) AND created_at >= CAST(:day AS date)",
        numbers=["7"],
        day=datetime(2020, 1, 1, tzinfo=UTC).date(),
    )
    assert row.user_id == row[0] == owner
    assert row.params == {"number": 7}
    assert row.created_at == datetime(2020, 1, 1, 0, 7, tzinfo=UTC)
    assert row.created_at.utcoffset() == timedelta(0)
    assert (row.progress, row.exact, row.plain, row.none) == (1.0, Decimal("1.50"), "a:b%", None)
    assert isinstance(row.exact, Decimal)
    assert len(row) == 7


def test_all_queries_see_one_state_of_the_database_and_may_take_turns(
    own_rows: OwnRows, owner: UUID, url: str
) -> None:
    numbers = "SELECT (params->>'number')::int FROM jobs ORDER BY id"
    first = own_rows.read(numbers)
    assert next(first) == (0,)
    query(url, "UPDATE jobs SET params = '{\"number\": -1}' WHERE user_id = %s", str(owner))
    second = own_rows.read(numbers)
    assert [row[0] for row in second] == list(range(COUNT))
    assert [row[0] for row in first] == list(range(1, COUNT))


def test_a_pause_longer_than_other_transactions_may_make_is_survived(own_rows: OwnRows) -> None:
    rows = own_rows.read("SELECT id FROM jobs")
    next(rows)
    time.sleep(3 * IDLE_SECONDS)
    assert len(list(rows)) == COUNT - 1
    (limit,) = read(own_rows, "SELECT current_setting('idle_in_transaction_session_timeout')")
    assert tuple(limit) == ("10min",)


def test_a_connection_lost_in_the_middle_is_explained_and_the_next_reader_works(
    own_rows: OwnRows, engine: Engine, owner: UUID, url: str
) -> None:
    rows = own_rows.read("SELECT id FROM jobs")
    next(rows)
    ((pid, _),) = in_transaction(url)
    query(url, "SELECT pg_terminate_backend(%s)", pid)
    with pytest.raises(AppError) as caught:
        list(rows)
    assert (caught.value.code, caught.value.retryable) == ("database_unavailable", True)
    assert "terminat" not in caught.value.message
    own_rows.close()
    with closing(OwnRows(engine, owner)) as again:
        assert read(again, "SELECT count(*) FROM jobs") == [(COUNT,)]


def test_an_error_of_the_caller_between_two_rows_stays_the_callers(own_rows: OwnRows) -> None:
    with pytest.raises(ProgrammingError, match="of the caller"):  # noqa: PT012
        for _ in own_rows.read("SELECT id FROM jobs"):
            raise ProgrammingError("of the caller", None, Exception())


@pytest.mark.parametrize("how", ["unread", "half read", "read", "wrong"])
def test_nothing_stays_open_and_the_connection_is_as_before(
    own_rows: OwnRows, engine: Engine, url: str, how: str
) -> None:
    if how == "wrong":
        with pytest.raises(ProgrammingError):
            own_rows.read("SELECT nonsense FROM jobs")
    else:
        rows = own_rows.read("SELECT id FROM jobs")
        for _ in range({"unread": 0, "half read": BATCH_ROWS + 1, "read": COUNT}[how]):
            next(rows)
    assert len(in_transaction(url)) == 1
    own_rows.close()
    assert in_transaction(url) == []
    with engine.begin() as connection:
        assert connection.scalar(text("SHOW transaction_read_only")) == "off"
        assert connection.scalar(text("SHOW transaction_isolation")) == "read committed"
        assert "public" in connection.scalar(text("SHOW search_path"))
        connection.execute(text("UPDATE users SET active = active"))


def test_closing_without_reading_opens_no_connection(engine: Engine, owner: UUID) -> None:
    OwnRows(engine, owner).close()
    assert engine.pool.checkedout() == 0
